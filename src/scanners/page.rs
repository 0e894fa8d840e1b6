//! # The page of a file
//!
//! Cuts a source file down to its `//!` text while compiling, so that a card carries its own page and
//! `docs/scanners/<id>.md` cannot differ from the code.

/// `page!("arp_sweep.rs")`: the `//!` lines of that file as Markdown.
macro_rules! page {
    ($file:literal) => {{
        const SOURCE: &str = include_str!($file);
        const LEN: usize = $crate::scanners::page::length(SOURCE);
        static TEXT: [u8; LEN] = $crate::scanners::page::text(SOURCE);
        match std::str::from_utf8(&TEXT) {
            Ok(text) => text,
            Err(_) => "",
        }
    }};
}
pub(crate) use page;

/// How long the page is.
pub const fn length(source: &str) -> usize {
    walk(source.as_bytes(), &mut [])
}

/// The page, which is `N` bytes long.
pub const fn text<const N: usize>(source: &str) -> [u8; N] {
    let mut out = [0; N];
    walk(source.as_bytes(), &mut out);
    out
}

/// Copies what follows `//! ` on the first lines that begin with `//!`; returns the length.
const fn walk(source: &[u8], out: &mut [u8]) -> usize {
    let (mut at, mut len) = (0, 0);
    while at + 2 < source.len() && source[at] == b'/' && source[at + 1] == b'/' && source[at + 2] == b'!' {
        at += 3;
        if at < source.len() && source[at] == b' ' {
            at += 1;
        }
        while at < source.len() {
            let byte = source[at];
            if len < out.len() {
                out[len] = byte;
            }
            at += 1;
            len += 1;
            if byte == b'\n' {
                break;
            }
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_first_comment_and_nothing_else() {
        const SOURCE: &str = "//! # Title\n//!\n//! Text – with  spaces.\n\nuse x; //! not this\n";
        assert_eq!(text::<{ length(SOURCE) }>(SOURCE), *"# Title\n\nText – with  spaces.\n".as_bytes());
        assert_eq!(length("use x;\n//! late\n"), 0);
        assert!(page!("page.rs").starts_with("# The page of a file\n"));
    }
}
