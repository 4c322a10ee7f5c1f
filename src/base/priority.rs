//! Work that must not slow the window down.

/// By how much such work yields, of 19.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lowers the priority of the calling thread, of the threads that it starts (those of an inference session among them)
/// and of its child processes. On Linux, where priorities belong to threads; nothing happens elsewhere.
pub fn yield_to_the_window() {
    // A system that refuses lets the work go on as before.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_calling_thread_and_its_children_yield() {
        let own = || rustix::process::nice(0).unwrap();
        let before = own();
        let (thread, child) = std::thread::spawn(move || {
            yield_to_the_window();
            (own(), std::thread::spawn(own).join().unwrap())
        })
        .join()
        .unwrap();
        let expected = (before + NICE).min(19);
        assert_eq!((thread, child), (expected, expected));
        assert_eq!(own(), before);
    }
}
