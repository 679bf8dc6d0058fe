//! Memory of a running session.

use crate::harness::World;

#[test]
fn no_page_is_ever_writable_and_executable() {
    let mut probe = World::probe("files").serve(&[]);
    // It has run code, host calls and a trap handler by now.
    probe.order("no");
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", probe.child.id())).unwrap();
    let permissions = maps.lines().filter_map(|line| line.split_whitespace().nth(1));
    let executable: Vec<&str> = permissions.filter(|permissions| permissions.contains('x')).collect();
    assert!(executable.len() > 1, "{maps}");
    assert!(executable.iter().all(|permissions| !permissions.contains('w')), "{maps}");
    assert!(maps.contains(".cwasm"), "the code is not mapped from its file: {maps}");
}
