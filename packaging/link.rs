//! Build script: the program's list of addresses is packed where the C library can read that.
//!
//! A program that may be loaded anywhere carries a list of all places that hold an address: some 37,000 of 24 bytes each, read
//! at the start and from then on part of its resident memory. Packed (`DT_RELR`), 906 KB
//! become 16. glibc reads it since 2.36 (its NEWS; Debian 12 has that); the linker says in the program that it needs one that does.

use std::{env, process::Command};

/// The first glibc that reads packed relocations.
const SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=packaging/link.rs");
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|is| is == value);
    // What another machine has cannot be asked here.
    let is_here = env::var("HOST").ok() == env::var("TARGET").ok();
    let is_glibc = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if is_here && is_glibc && glibc().is_some_and(|version| version >= SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// `glibc 2.36`, as getconf(1) tells.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
