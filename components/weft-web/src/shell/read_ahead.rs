//! Maps the program's own code ahead of its use.
//!
//! The engine's code is read from a compressed and verified image, page fault by page fault, and every fault makes the start wait. What is
//! unpacked here by a processor that has nothing else to do is there when the engine comes to it.

use super::sys;
use std::fs;
use std::ops::Range;

/// How much is mapped in one call, in bytes: the lock of the address space is held that long.
const STEP: usize = 256 * 1024;

/// Begins to map the code in a thread of its own. Without it the start is only slower, so nothing here is an error.
pub fn begin() {
    let _ = std::thread::Builder::new().name("read-ahead".to_owned()).spawn(|| {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let Some(code) = code(&maps) else { return };
        for start in code.clone().step_by(STEP) {
            if sys::populate(start, STEP.min(code.end - start)).is_err() {
                return;
            }
        }
    });
}

/// The addresses of the program's code: the first executable file mapping, since the libraries come after the program (proc_pid_maps(5)).
fn code(maps: &str) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, permissions) = (fields.next()?, fields.next()?);
        let file = fields.nth(3)?;
        if !permissions.starts_with("r-x") || !file.starts_with('/') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn the_code_is_the_first_executable_mapping_of_a_file() {
        let maps = "\
5000-6000 r--p 00000000 fe:00 21   /usr/bin/weft-web
6000-9000 r-xp 00001000 fe:00 21   /usr/bin/weft-web
9000-a000 rw-p 00000000 00:00 0    [heap]
b000-c000 r-xp 00001000 fe:00 33   /usr/lib/libc.so.6
";
        assert_eq!(code(maps), Some(0x6000..0x9000));
        assert_eq!(code("7000-8000 r-xp 00000000 00:00 0   [vdso]\n"), None);
    }

    #[test]
    fn this_program_finds_its_own_code() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let here = code as *const () as usize;
        assert!(code(&maps).unwrap().contains(&here));
    }
}
