//! Capturing from a real X server: windows painted by this test, frames compared pixel by pixel.
//!
//! Each test starts an Xvfb of its own. Without Xvfb the tests are skipped with a line that says
//! so, unless `STREETWISE_REQUIRE_XVFB=1` is set.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "xvfb/owner.rs"]
mod owner;
mod xvfb;

use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use streetwise::capture::{Area, CaptureError, FrameSource, Target, X11};
use xvfb::{Painter, WINE, Xvfb, pattern};

/// Runs `test` on a fresh X server of 640 × 480 pixels and 24 bits.
fn on_x(test: impl FnOnce(&Xvfb)) {
    if let Some(server) = Xvfb::start("640x480x24") {
        test(&server);
    }
}

fn open(server: &Xvfb) -> X11 {
    X11::open(server.display()).expect("Xvfb answers")
}

/// The part of `picture` a region covers.
fn part(picture: &RgbImage, x: u32, y: u32, width: u32, height: u32) -> RgbImage {
    image::imageops::crop_imm(picture, x, y, width, height).to_image()
}

/// Asks again until `expected` comes: a window manager or a painter acts a moment later.
fn soon<T: PartialEq + std::fmt::Debug>(expected: &T, mut ask: impl FnMut() -> T) {
    let end = Instant::now() + Duration::from_secs(10);
    let mut got = ask();
    while got != *expected && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
        got = ask();
    }
    assert!(got == *expected, "still {got:?} after 10 s");
}

#[test]
fn a_window_is_captured_exactly() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.window(Area::new(50, 40, 200, 100), "GeoGuessr", WINE);
        let frame = open(server).shot(&Target::Window(id)).unwrap();
        assert!(frame == pattern(200, 100, WINE));
    });
}

#[test]
fn a_covered_window_is_captured_whole() {
    on_x(|server| {
        let app = Painter::start(server);
        let below = app.window(Area::new(50, 40, 200, 100), "below", WINE);
        let above = app.window(Area::new(100, 60, 300, 200), "above", [10, 120, 60]);
        let mut source = open(server);
        // Covered before the first shot: the program draws that part only now, at its own pace.
        soon(&true, || source.shot(&Target::Window(below)) == Ok(pattern(200, 100, WINE)));
        assert!(source.shot(&Target::Window(above)).unwrap() == pattern(300, 200, [10, 120, 60]));
        let screen = source.shot(&Target::Monitor(0)).unwrap();
        assert_eq!(screen.get_pixel(120, 80), &Rgb([10, 120, 60]), "the screen still shows what is on top");
    });
}

#[test]
fn a_window_with_a_border_and_alpha_comes_without_them() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.translucent(Area::new(20, 20, 120, 80), WINE);
        assert!(open(server).shot(&Target::Window(id)).unwrap() == pattern(120, 80, WINE));
    });
}

#[test]
fn a_window_partly_off_the_screen_is_captured_whole() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.window(Area::new(-80, 430, 200, 100), "half outside", WINE);
        let mut source = open(server);
        assert!(source.shot(&Target::Window(id)).unwrap() == pattern(200, 100, WINE));
        assert_eq!(source.windows().unwrap()[0].area, Area::new(-80, 430, 200, 100));
    });
}

#[test]
fn a_window_that_is_resized_or_moved_has_its_new_size() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.window(Area::new(50, 40, 200, 100), "game", WINE);
        let mut source = open(server);
        source.shot(&Target::Window(id)).unwrap();
        app.place(id, Area::new(10, 5, 320, 180));
        soon(&true, || source.shot(&Target::Window(id)) == Ok(pattern(320, 180, WINE)));
        assert_eq!(source.windows().unwrap()[0].area, Area::new(10, 5, 320, 180));
    });
}

#[test]
fn a_window_resized_all_the_time_is_always_a_frame_or_a_typed_error() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.window(Area::new(0, 0, 200, 100), "game", WINE);
        let mut source = open(server);
        for step in 0..60_u32 {
            app.place(id, Area::new(0, 0, 200 + step, 100 + step));
            match source.shot(&Target::Window(id)) {
                Ok(frame) => assert!((200..260).contains(&frame.width())),
                Err(CaptureError::Blank { .. }) => {}
                Err(other) => panic!("step {step}: {other}"),
            }
        }
    });
}

#[test]
fn a_hidden_window_is_an_error_that_names_it_and_comes_back() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.window(Area::new(50, 40, 200, 100), "Spiel – Straße", WINE);
        let mut source = open(server);
        source.shot(&Target::Window(id)).unwrap();
        app.hide(id);
        let minimised = Err(CaptureError::Minimised { title: "Spiel – Straße".into() });
        assert_eq!(source.shot(&Target::Window(id)), minimised);
        app.show(id);
        soon(&true, || source.shot(&Target::Window(id)) == Ok(pattern(200, 100, WINE)));
    });
}

#[test]
fn a_closed_window_is_gone_and_the_next_one_works() {
    on_x(|server| {
        let app = Painter::start(server);
        let first = app.window(Area::new(50, 40, 200, 100), "first", WINE);
        let mut source = open(server);
        source.shot(&Target::Window(first)).unwrap();
        app.close(first);
        assert!(matches!(source.shot(&Target::Window(first)), Err(CaptureError::Gone { .. })));
        let second = app.window(Area::new(0, 0, 100, 60), "second", WINE);
        assert!(source.shot(&Target::Window(second)).unwrap() == pattern(100, 60, WINE));
    });
}

#[test]
fn a_black_window_is_blank_and_never_a_picture() {
    on_x(|server| {
        let app = Painter::start(server);
        let id = app.plain(Area::new(50, 40, 200, 100), "protected video");
        let error = open(server).shot(&Target::Window(id)).unwrap_err();
        assert_eq!(error, CaptureError::Blank { what: "the window “protected video”".into() });
        let empty = open(server).shot(&Target::Region(Area::new(400, 300, 100, 100))).unwrap_err();
        assert!(matches!(empty, CaptureError::Blank { .. }), "{empty}");
    });
}

#[test]
fn a_region_is_the_exact_crop_and_is_cut_at_the_edge() {
    on_x(|server| {
        let app = Painter::start(server);
        app.window(Area::new(0, 0, 640, 480), "whole screen", WINE);
        let mut source = open(server);
        let whole = pattern(640, 480, WINE);
        soon(&true, || source.shot(&Target::Monitor(0)).as_ref() == Ok(&whole));
        let mut check = |region: Area, expected: RgbImage| {
            assert!(source.shot(&Target::Region(region)).unwrap() == expected, "{region:?}");
        };
        check(Area::new(301, 203, 57, 91), part(&whole, 301, 203, 57, 91));
        check(Area::new(-100, -50, 500, 400), part(&whole, 0, 0, 400, 350));
        check(Area::new(300, 200, 9000, 9000), part(&whole, 300, 200, 340, 280));
        let outside = source.shot(&Target::Region(Area::new(640, 0, 10, 10)));
        assert!(matches!(outside, Err(CaptureError::Gone { .. })), "{outside:?}");
    });
}

#[test]
fn monitors_lie_where_the_server_says() {
    on_x(|server| {
        let mut source = open(server);
        let areas =
            |source: &mut X11| -> Vec<Area> { source.monitors().unwrap().iter().map(|m| m.area).collect() };
        assert_eq!(areas(&mut source), [Area::new(0, 0, 640, 480)]);
        let app = Painter::start(server);
        app.split_screen();
        assert_eq!(areas(&mut source), [Area::new(0, 0, 400, 480), Area::new(400, 0, 240, 480)]);
        app.window(Area::new(0, 0, 640, 480), "whole screen", WINE);
        let right = part(&pattern(640, 480, WINE), 400, 0, 240, 480);
        soon(&true, || source.shot(&Target::Monitor(1)).as_ref() == Ok(&right));
        assert!(matches!(source.shot(&Target::Monitor(7)), Err(CaptureError::Gone { .. })));
    });
}

#[test]
fn the_list_has_titles_and_programs_and_leaves_out_menus_and_this_program() {
    on_x(|server| {
        let app = Painter::start(server);
        let game = app.window(Area::new(50, 40, 200, 100), "GeoGuessr – Straße", WINE);
        let untitled = app.window(Area::new(0, 0, 90, 60), "", WINE);
        app.menu(Area::new(10, 10, 80, 80));
        app.own(Area::new(10, 10, 80, 80));
        app.window(Area::new(0, 0, 1, 1), "helper", WINE);
        let windows = open(server).windows().unwrap();
        let listed: Vec<_> =
            windows.iter().map(|w| (w.id, w.title.as_str(), w.app.as_str(), w.minimised)).collect();
        assert_eq!(
            listed,
            [(game, "GeoGuessr – Straße", "Painter", false), (untitled, "", "Painter", false)]
        );
        assert_eq!(windows[0].area, Area::new(50, 40, 200, 100));
    });
}

#[test]
fn under_a_window_manager_the_list_is_its_own_and_minimised_windows_are_marked() {
    on_x(|server| {
        let Some(_manager) = server.window_manager() else { return };
        let app = Painter::start(server);
        let game = app.window(Area::new(50, 60, 200, 100), "game", WINE);
        let mut source = open(server);
        let minimised = |source: &mut X11| {
            source.windows().unwrap().iter().map(|w| (w.id, w.minimised)).collect::<Vec<_>>()
        };
        soon(&vec![(game, false)], || {
            // Openbox drops what is asked of it while it starts.
            app.show(game);
            minimised(&mut source)
        });
        soon(&true, || source.shot(&Target::Window(game)) == Ok(pattern(200, 100, WINE)));
        app.iconify(game);
        soon(&vec![(game, true)], || minimised(&mut source));
        assert_eq!(source.shot(&Target::Window(game)), Err(CaptureError::Minimised { title: "game".into() }));
    });
}

#[test]
fn after_the_server_was_restarted_the_source_works_again() {
    // A number that no other test gets: free ones are looked for from 0 upwards.
    let display = format!(":{}", 2000 + std::process::id() % 30_000);
    let Some(server) = Xvfb::start_on(&display, "640x480x24") else { return };
    let mut source = open(&server);
    source.monitors().unwrap();
    server.stop();
    let lost = source.shot(&Target::Monitor(0)).unwrap_err();
    assert!(matches!(lost, CaptureError::System { .. }), "{lost}");
    let again = Xvfb::start_on(&display, "320x240x24").expect("Xvfb started before");
    let app = Painter::start(&again);
    app.window(Area::new(0, 0, 320, 240), "back", WINE);
    soon(&true, || source.shot(&Target::Monitor(0)) == Ok(pattern(320, 240, WINE)));
}

#[test]
fn a_screen_of_16_bits_a_pixel_is_read_too() {
    let Some(server) = Xvfb::start("320x240x16") else { return };
    let app = Painter::start(&server);
    let id = app.window(Area::new(0, 0, 320, 240), "few colours", [0, 255, 0]);
    let frame = open(&server).shot(&Target::Window(id)).unwrap();
    assert_eq!(frame.dimensions(), (320, 240));
    for (got, expected) in frame.pixels().zip(pattern(320, 240, [0, 255, 0]).pixels()) {
        assert!(got.0.iter().zip(expected.0).all(|(a, b)| a.abs_diff(b) <= 8), "{got:?} for {expected:?}");
    }
}

#[test]
fn a_clipboard_that_offers_a_jpeg_alone_is_read() {
    on_x(|server| {
        let ask = || streetwise::capture::x11_clipboard_picture(Some(server.display())).unwrap();
        assert_eq!(ask(), None, "nobody owns the clipboard");
        let file: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        for (form, size) in [("image/jpeg", 5_000), ("image/jpeg", 300_000), ("image/webp", 70)] {
            let offered = owner::Owner::start(server.display(), form, &file[..size]);
            assert!(ask().as_deref() == Some(&file[..size]), "{form}, {size} bytes");
            drop(offered);
        }
        let _text = owner::Owner::start(server.display(), "text/plain", b"no picture");
        assert_eq!(ask(), None);
    });
}
