//! # What a file is, by its first bytes

use crate::{
    detectors::suspicious_port::mixed,
    model::{find, holds},
};

/// What scripts of PowerShell say that load and run something, or let somebody in; in lower case.
const CRADLES: [&[u8]; 6] = [
    b"net.sockets.tcpclient(",
    b"new-object net.webclient",
    b"new-object system.net.webclient",
    b").downloadstring(",
    b"invoke-expression",
    b"[system.convert]::frombase64string(",
];
/// What scripts of Windows say that start programs without a word; two of them, since each has its honest use.
const STARTERS: [&[u8]; 13] = [
    b"wscript.shell",
    b"scripting.filesystemobject",
    b"activexobject(",
    b"createobject(",
    b"regsvr32 /s",
    b"mshta ",
    b"certutil -urlcache",
    b"bitsadmin /transfer",
    b"cmd.exe /c",
    b"powershell",
    b" -w hidden",
    b" -windowstyle hidden",
    b" -enc",
];
const STARTERS_MIN: usize = 2;

fn holds_any_case(body: &[u8], sign: &[u8]) -> bool {
    let Some(first) = sign.first() else { return false };
    let mut places = memchr::memchr2_iter(*first, first.to_ascii_uppercase(), body);
    places.any(|at| body.get(at..at + sign.len()).is_some_and(|part| part.eq_ignore_ascii_case(sign)))
}

/// Letters as numbers (`\x57`), as scripts hide their words from whoever looks for them.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        let byte = match rest {
            [b'\\', b'x', a, b, ..] => {
                std::str::from_utf8(&[*a, *b]).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
            }
            _ => None,
        };
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { rest.get(4..).unwrap_or_default() } else { after };
    }
    out
}

/// What runs where it is fetched to. Of pages only those of a `bare` address: others are written about such things.
pub fn program(body: &[u8], bare: bool) -> Option<&'static str> {
    match body {
        [0x7f, b'E', b'L', b'F', ..] => Some("ELF"),
        [b'M', b'Z', ..] if holds(body, b"PE\0\0") || holds(body, b"DOS mode") => Some("PE"),
        [b'd', b'e', b'x', b'\n', b'0', ..] => Some("APK"),
        [b'P', b'K', 3, 4, ..] if holds(body, b"classes.dex") || holds(body, b"AndroidManifest") => Some("APK"),
        [b'P', b'K', 3, 4, ..] if holds(body, b"META-INF/") || holds(body, b".class") => Some("JAR"),
        [b'P', b'K', 3, 4, ..] => None,
        [b'#', b'!', b'/', rest @ ..] => {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let runs = [&b"sh"[..], b"perl", b"python", b"php", b"ruby", b"lua"];
            runs.iter().any(|name| holds(line, name)).then_some("script")
        }
        _ if is_script(body, bare) => Some("script"),
        _ => None,
    }
}

fn is_script(body: &[u8], bare: bool) -> bool {
    let is_page = body.trim_ascii_start().starts_with(b"<");
    if !is_page && CRADLES.iter().any(|sign| holds_any_case(body, sign)) {
        return true;
    }
    if is_page && (!bare || !holds_any_case(body, b"<script")) {
        return false;
    }
    let plain = unescaped(body);
    STARTERS.iter().filter(|sign| holds_any_case(&plain, sign)).count() >= STARTERS_MIN
}

/// A program that was made to look like something else.
pub fn hidden(body: &[u8]) -> Option<&'static str> {
    match body {
        // The head of a program of Windows, in base64 (RFC 4648) and in digits.
        [b'T', b'V', b'q' | b'p', ..] if holds(body, b"AAAAA") && body.iter().take(64).all(is_base64) => {
            Some("PE as text")
        }
        [b'4', b'd' | b'D', b'5', b'a' | b'A', ..]
            if body.len() >= 64 && body.iter().take(64).all(u8::is_ascii_hexdigit) =>
        {
            Some("PE as text")
        }
        [b'M', b'Z', ..] if !holds(body, b"PE\0\0") => {
            find(body, b"dex\n0").or_else(|| find(body, b"PK\x03\x04")).map(|_| "APK behind the head of a PE")
        }
        // The same byte over all of it; its first two letters say which that would be.
        [a, b, ..] if *a ^ *b == b'M' ^ b'Z' && *a != b'M' => mixed(body, b"This program cannot be run")
            .filter(|key| *key == *a ^ b'M')
            .map(|_| "PE, mixed with one byte"),
        _ => None,
    }
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_also_when_they_are_hidden() {
        let windows = b"MZ\x90\0\x03\0\0\0This program cannot be run in DOS mode.\r\r\n$\0PE\0\0";
        let other: Vec<u8> = windows.iter().map(|byte| byte ^ 0x21).collect();
        let android = b"MZ\x90\0This program cannot be run in DOS mode.\0\0\0dex\n035\0";
        for (name, body) in [
            ("base64", &b"TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAA"[..]),
            ("digits", b"4D5A90000300000004000000FFFF0000B8000000000000004000000000000000"),
            ("mixed", &other),
            ("behind another", android),
        ] {
            assert!(hidden(body).is_some(), "{name}");
        }
        for (name, body) in [
            ("as it is", &windows[..]),
            ("a word", b"TVq is the name of a channel, AAAAA is a cry, and all this is nothing but talk of people"),
            ("a number", b"4d5a"),
            ("noise", b"\x6c\x7b\x90\x11\x12\x13"),
        ] {
            assert!(hidden(body).is_none(), "{name}");
        }
    }

    #[test]
    fn scripts_that_start_programs_are_known() {
        let page =
            br#"<html><script>new ActiveXObject('\x57\x53\x63\x72\x69\x70\x74\x2E\x53\x68\x65\x6C\x6C')</script>"#;
        assert_eq!(program(page, true), Some("script"));
        assert_eq!(program(page, false), None, "of a host with a name it may be a lesson");
        assert_eq!(
            program(b"Set s=CreateObject(\"WScript.Shell\")\r\ns.Run \"regsvr32 /s a.dat\"", false),
            Some("script")
        );
        assert_eq!(program(b"#!/usr/bin/perl\nuse IO::Socket;", true), Some("script"));
        assert_eq!(program(b"#!/bin/sh\nid", true), Some("script"));
        assert_eq!(program(b"#!/opt/settings v1\nsh=1", true), None);
        assert_eq!(program(b"<p>Never call powershell with -enc</p>", true), None);
        assert_eq!(program(b"log: powershell started", true), None);
        assert_eq!(program(b"PK\x03\x04\x14\0\x08\0AndroidManifest.xml", true), Some("APK"));
        assert_eq!(program(b"PK\x03\x04\x14\0\x08\0report.docx", true), None);
    }
}
