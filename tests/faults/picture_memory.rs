//! What reading pictures takes: limits on decoded bytes, for one picture and over all readers together (faults 10, 31).
//! Each measurement runs alone in a process of its own, so that nothing else counts.
#![cfg(target_os = "linux")]

use streetwise::imaging::{Limits, Picture, PictureError, decode_ahead};

use super::pictures::{chunk, huge_png, open};

/// A GIF of 35 bytes with a frame of one pixel on a screen of 10,000 × 9,999.
const HUGE_GIF: &[u8] =
    b"GIF89a\x10\x27\x0f\x27\x80\0\0\xff\0\0\0\0\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A PNG of a few bytes that claims samples of 16 bits with alpha: 8 bytes a pixel.
fn deep_png(side: u32) -> Vec<u8> {
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[16, 6, 0, 0, 0]].concat();
    let plain = huge_png(side);
    [&plain[..8], &chunk(*b"IHDR", &header), &plain[33..]].concat()
}

/// A JPEG of one grey, `width` × `height` pixels in colour: blocks of two codes of one bit each.
fn flat_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    bytes.extend([1; 64]);
    bytes.extend(b"\xff\xc0\0\x11\x08");
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend(b"\x03\x01\x11\0\x02\x11\0\x03\x11\0");
    for class in [0x00, 0x10] {
        bytes.extend([0xFF, 0xC4, 0, 20, class, 1]);
        bytes.extend([0; 15]);
        bytes.push(0); // the only code, 0: no difference, and the end of the block
    }
    bytes.extend(b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0");
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    bytes.extend(vec![0; blocks * 6 / 8]);
    bytes.extend(b"\xff\xd9");
    bytes
}

/// The most address space and the most memory this process has had, in KiB. The first also counts
/// what was asked for and never touched.
fn peak_kib() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    ["VmPeak:", "VmHWM:"].map(|key| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    })
}

/// Runs one of the measurements alone in a process.
fn alone(name: &str) {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("picture_memory::{name}"), "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

/// That `work` takes less than so many MiB more than there was before.
fn takes_less_than(mib: u64, resident_alone: bool, work: impl FnOnce()) {
    assert!(open("warm.png", &huge_png(30)).is_err());
    let before = peak_kib();
    work();
    let more: Vec<u64> = peak_kib().iter().zip(before).map(|(after, b)| after - b).collect();
    println!("more KiB (address space, resident): {more:?}");
    assert!(more.iter().skip(usize::from(resident_alone)).all(|kib| *kib < mib << 10), "{more:?} KiB");
}

#[test]
#[ignore = "run by small_files_that_claim_much_take_nothing, alone in a process"]
fn claims_alone() {
    let deep = deep_png(9500);
    takes_less_than(100, false, || {
        for (name, bytes) in
            [("bomb.png", &huge_png(30_000)[..]), ("bomb.gif", HUGE_GIF), ("deep.png", &deep)]
        {
            let error = open(name, bytes).unwrap_err();
            assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
        }
    });
}

#[test]
fn small_files_that_claim_much_take_nothing() {
    assert_eq!(HUGE_GIF.len(), 35);
    alone("claims_alone");
}

#[test]
#[ignore = "run by a_panorama_of_the_usual_largest_size_is_read, alone in a process"]
fn panorama_alone() {
    let file = flat_jpeg(16384, 8192);
    // 384 MiB of pixels.
    takes_less_than(450, true, || {
        let picture = open("panorama.jpg", &file).unwrap();
        assert_eq!(picture.pixels.dimensions(), (16384, 8192));
        assert!(picture.notes.is_empty(), "{:?}", picture.notes);
    });
}

#[test]
fn a_panorama_of_the_usual_largest_size_is_read() {
    alone("panorama_alone");
}

#[test]
#[ignore = "run by readers_of_a_folder_share_one_limit, alone in a process"]
fn folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    // 225 MiB of pixels each: six of them are 1350.
    let file = flat_jpeg(12_000, 6560);
    let files: Vec<_> = (0..6).map(|number| folder.path().join(format!("{number}.jpg"))).collect();
    files.iter().for_each(|path| std::fs::write(path, &file).unwrap());
    drop(file);
    takes_less_than(1100, true, || {
        let mut read = Vec::new();
        decode_ahead(&files, |(path, picture)| {
            // A slow consumer, so that the readers run as far ahead as they may.
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert_eq!(
                picture.map(|picture| picture.pixels.width()).map_err(|error| error.to_string()),
                Ok(12_000)
            );
            read.push(path);
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
        assert_eq!(read, files);
    });
}

#[test]
fn readers_of_a_folder_share_one_limit() {
    alone("folder_alone");
}

#[test]
fn work_that_is_broken_off_leaves_no_reader_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let file = flat_jpeg(12_000, 6560);
    let files: Vec<_> = (0..9).map(|number| folder.path().join(format!("{number}.jpg"))).collect();
    files.iter().for_each(|path| std::fs::write(path, &file).unwrap());
    let mut seen = 0;
    let ended = decode_ahead(&files, |(_, picture)| {
        seen += 1;
        picture.map(|_| ()).map_err(|error| error.to_string())?;
        if seen == 2 { Err("enough".to_owned()) } else { Ok(()) }
    });
    assert_eq!((ended, seen), (Err("enough".to_owned()), 2));
}

#[test]
fn what_is_refused_says_how_much_it_would_take() {
    let refused = Picture::from_bytes("bomb.gif", HUGE_GIF, &Limits::default()).unwrap_err().to_string();
    assert!(refused.contains("10000 × 9999 pixels, which take 763 MB"), "{refused}");
    assert!(refused.contains("the limit of 640 MB"), "{refused}");
}
