//! # Pages of the program that nobody uses
//!
//! A start runs through most of the program once: settings, TLS, the store's schema, every scanner's first round. An idle
//! home uses a third of these pages; the rest would stay resident for ever. Given back they cost nothing: they are clean,
//! stay in the page cache, and those that are used again are mapped again, sixteen at a time.

use std::{fs, io, ops::Range};

/// Mappings of one process that are read; a program with its libraries has a few dozen.
const MAPPINGS_MAX: usize = 4096;

/// Gives back the code of the program and of its libraries. How many bytes of address space that was.
///
/// # Errors
/// The kernel does not tell what is mapped, or does not take it back.
pub fn let_go() -> io::Result<usize> {
    let mut bytes = 0;
    for range in code(&fs::read_to_string("/proc/self/maps")?) {
        bytes += range.len();
        // SAFETY: the range is one that the kernel maps just now, of a file, executable and not writable. Such pages are
        // never dirty (no relocations go into code), so what is dropped is read from the file again at the next touch,
        // byte for byte. The program unloads no code, so it still is that mapping.
        let done = unsafe { libc::madvise(range.start as *mut libc::c_void, range.len(), libc::MADV_DONTNEED) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(bytes)
}

/// Ranges of code that comes from files (`proc_pid_maps(5)`): `r-xp`, with an inode and a path.
fn code(maps: &str) -> Vec<Range<usize>> {
    let read = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let (inode, path) = (words.nth(2)?, words.next()?);
        // `[vdso]` is the kernel's; a file that is gone from the disk is still there for us.
        if rights != "r-xp" || inode == "0" || !path.starts_with('/') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        (start < end).then_some(start..end)
    };
    maps.lines().take(MAPPINGS_MAX).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_given_back() {
        let maps = "\
55d0c0000000-55d0c0100000 r--p 00000000 fe:00 1234                       /usr/bin/porchlight
55d0c0100000-55d0c1200000 r-xp 00100000 fe:00 1234                       /usr/bin/porchlight
55d0c1200000-55d0c1300000 r--p 01200000 fe:00 1234                       /usr/bin/porchlight
55d0c1300000-55d0c1301000 rw-p 01300000 fe:00 1234                       /usr/bin/porchlight
55d0c2000000-55d0c2100000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000100000 r-xp 00028000 fe:00 99                         /lib/x86_64-linux-gnu/libc.so.6
7f0000200000-7f0000201000 rwxp 00000000 fe:00 7                          /tmp/odd
7f0000300000-7f0000301000 r-xp 00000000 00:00 0
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
nonsense r-xp 0 0 1 /x
";
        assert_eq!(code(maps), [0x55d0_c010_0000..0x55d0_c120_0000, 0x7f00_0000_0000..0x7f00_0010_0000]);
    }

    /// Resident bytes of files (`proc_pid_statm(5)`, the third number).
    fn resident() -> usize {
        let text = fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(2).and_then(|pages| pages.parse::<usize>().ok()).unwrap() * 4096
    }

    #[test]
    fn the_program_runs_on_and_is_smaller() {
        let before = resident();
        let bytes = let_go().unwrap();
        assert!(bytes > 1 << 20, "{bytes}");
        // Other tests run beside this one and touch their own pages; all of them were here before.
        assert!(resident() < before, "{} of {before}", resident());
        for _ in 0..100 {
            let_go().unwrap();
        }
        let text: String = (0..1000).map(|n| format!("{n:?}")).collect();
        assert_eq!(text.len(), 2890);
    }
}
