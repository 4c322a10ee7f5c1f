//! Faults of capturing: blank frames, windows that go away, odd desktops, no desktop at all.

use image::{Rgb, RgbImage};
use streetwise::capture::{Area, CaptureError, Fake, FrameSource, Target, physical};

/// A picture in which every pixel tells its own place and monitor.
fn marked(monitor: u8, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let low = |value: u32| value.to_le_bytes()[0];
        Rgb([low(x), low(y), monitor * 64 + low(x / 256 * 8 + y / 256)])
    })
}

#[test]
fn a_black_or_one_coloured_frame_is_an_error_that_says_what_to_do() {
    let check = |colour: [u8; 3]| {
        let frame = RgbImage::from_pixel(640, 360, Rgb(colour));
        let mut desktop = Fake::new()
            .monitor("left", 0, 0, frame.clone())
            .window(5, "GeoGuessr", "firefox", frame.clone())
            .then(Ok(frame));
        let part = Target::Region(Area::new(10, 10, 50, 50));
        // The first shot comes from the script.
        for target in [Target::Window(5), Target::Window(5), Target::Monitor(0), part] {
            let error = desktop.shot(&target).unwrap_err();
            assert!(matches!(error, CaptureError::Blank { .. }), "{target:?}: {error}");
            let text = error.to_string();
            assert!(text.contains("black") && text.contains("make sure"), "{text}");
        }
    };
    check([0, 0, 0]);
    check([255, 255, 255]);
    check([12, 34, 56]);
}

#[test]
fn a_window_that_is_minimised_or_closed_is_a_typed_error_and_comes_back() {
    let desktop = Fake::new().window(5, "GeoGuessr", "firefox", marked(1, 640, 360));
    let mut source = desktop.clone();
    let game = Target::Window(5);
    assert_eq!(source.shot(&game), Ok(marked(1, 640, 360)));
    desktop.minimise(5, true);
    assert_eq!(source.shot(&game), Err(CaptureError::Minimised { title: "GeoGuessr".into() }));
    desktop.minimise(5, false);
    desktop.show(5, marked(2, 800, 450));
    assert_eq!(source.shot(&game), Ok(marked(2, 800, 450)), "resized");
    desktop.close(5);
    assert!(matches!(source.shot(&game), Err(CaptureError::Gone { .. })));
    assert_eq!(desktop.shots(), 4);
}

/// A desktop of two monitors, each given as the system does (scaled units, pixels per unit), and
/// what a region of it must show: size, and some pixels as (column, row, monitor, x, y).
fn check_region(
    monitors: [(Area, f64); 2],
    region: Area,
    size: (u32, u32),
    pixels: &[(u32, u32, usize, u32, u32)],
) {
    let places = physical(&monitors);
    let frames: Vec<RgbImage> =
        (1..).zip(&places).map(|(number, area)| marked(number, area.width, area.height)).collect();
    let mut desktop = Fake::new();
    for (area, frame) in places.iter().zip(&frames) {
        desktop = desktop.monitor("monitor", area.x, area.y, frame.clone());
    }
    let frame = desktop.shot(&Target::Region(region)).expect("the region lies on the desktop");
    assert_eq!(frame.dimensions(), size, "{region:?} of {places:?}");
    for &(column, row, monitor, x, y) in pixels {
        assert_eq!(
            frame.get_pixel(column, row),
            frames[monitor].get_pixel(x, y),
            "{column},{row} of {region:?}"
        );
    }
}

#[test]
fn regions_of_two_scaled_monitors_are_the_exact_crop() {
    let plain = [(Area::new(0, 0, 1920, 1080), 1.0), (Area::new(-1280, -200, 1280, 1024), 1.0)];
    check_region(
        plain,
        Area::new(100, 50, 300, 200),
        (300, 200),
        &[(0, 0, 0, 100, 50), (299, 199, 0, 399, 249)],
    );
    check_region(plain, Area::new(-1280, -200, 64, 32), (64, 32), &[(0, 0, 1, 0, 0), (63, 31, 1, 63, 31)]);
    check_region(
        plain,
        Area::new(-100, 0, 300, 100),
        (300, 100),
        &[(0, 0, 1, 1180, 200), (99, 99, 1, 1279, 299), (100, 0, 0, 0, 0), (299, 99, 0, 199, 99)],
    );
    check_region(
        plain,
        Area::new(-2000, -900, 1000, 800),
        (280, 100),
        &[(0, 0, 1, 0, 0), (279, 99, 1, 279, 99)],
    );
    // 150 %: 1280 × 720 units are 1920 × 1080 pixels, and the second one begins 150 above.
    let scaled = [(Area::new(0, 0, 1280, 720), 1.5), (Area::new(-1280, -100, 1280, 720), 1.5)];
    check_region(
        scaled,
        Area::new(-20, 10, 50, 40),
        (50, 40),
        &[(0, 0, 1, 1900, 160), (19, 39, 1, 1919, 199), (20, 0, 0, 0, 10), (49, 39, 0, 29, 49)],
    );
    // A dense and a plain one side by side.
    let mixed = [(Area::new(0, 0, 1440, 900), 2.0), (Area::new(1440, 0, 1920, 1080), 1.0)];
    check_region(mixed, Area::new(2870, 0, 20, 5), (20, 5), &[(9, 4, 0, 2879, 4), (10, 0, 1, 0, 0)]);
}

#[test]
fn a_region_off_the_desktop_is_gone_and_a_gap_is_black() {
    let mut desktop =
        Fake::new().monitor("a", 0, 0, marked(1, 100, 100)).monitor("b", 100, 50, marked(2, 100, 100));
    let off = desktop.shot(&Target::Region(Area::new(500, 0, 10, 10)));
    assert!(matches!(off, Err(CaptureError::Gone { .. })));
    let both = desktop.shot(&Target::Region(Area::new(0, 0, 200, 150))).unwrap();
    assert_eq!(both.dimensions(), (200, 150));
    assert_eq!(both.get_pixel(150, 20), &Rgb([0, 0, 0]), "above the second monitor");
    assert_eq!(both.get_pixel(199, 149), marked(2, 100, 100).get_pixel(99, 99));
}

#[cfg(target_os = "linux")]
mod without_a_desktop {
    use std::path::Path;

    use streetwise::capture::{CaptureError, Desktop};
    use streetwise::imaging::{Limits, Picture};

    fn refused(desktop: &Desktop) -> CaptureError {
        let error = desktop.open().err().expect("there is nothing to open");
        assert!(error.to_string().contains("open a picture file"), "says that files still work: {error}");
        error
    }

    #[test]
    fn no_display_says_so() {
        assert_eq!(refused(&Desktop::default()), CaptureError::NoDisplay);
    }

    #[test]
    fn an_x_server_that_does_not_answer_is_named() {
        let desktop = Desktop { x11: Some(":54321".into()), ..Desktop::default() };
        let error = refused(&desktop);
        assert!(error.to_string().contains(":54321"), "{error}");
    }

    #[test]
    fn wayland_without_a_session_bus_says_that_the_portal_is_missing() {
        let bus = Some("unix:path=/nonexistent/bus".into());
        let desktop = Desktop { wayland: Some("wayland-0".into()), x11: Some(":54321".into()), bus };
        assert!(matches!(refused(&desktop), CaptureError::NoPortal { .. }));
    }

    #[test]
    fn pictures_still_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("street.png");
        super::marked(1, 64, 48).save(&path).unwrap();
        refused(&Desktop::default());
        let picture = Picture::open(Path::new(&path), &Limits::default()).unwrap();
        assert_eq!(*picture.pixels, super::marked(1, 64, 48));
    }
}

#[test]
fn a_refused_permission_says_where_to_allow_it() {
    let error = Fake::new().then(Err(CaptureError::Denied)).shot(&Target::Monitor(0)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("privacy settings") && text.contains("open a picture file"), "{text}");
}
