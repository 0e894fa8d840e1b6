//! # Programs on this host
//!
//! ## What it finds
//! Which programs of this host wait on ports or are connected with others: file, arguments, user, and who started them.
//! ## What it sends
//! Nothing. It reads the kernel's list of sockets and `/proc` once a minute.
//! ## What it needs
//! No rights for programs of its own user; `CAP_SYS_PTRACE` or root for those of others (proc(5)). In a container only
//! the container's own programs are seen, unless it shares the host's processes.
//! ## How it decides
//! A socket belongs to whoever holds its inode open. A program whose file is gone is marked as deleted: upgrades leave
//! such programs, and so does who hides. Passwords, tokens and keys in arguments are hidden before anything else reads
//! them.
//! ## What fools it
//! Programs that live shorter than a round, and whatever hides from `/proc`.
//!
//! Holds: [`PROGRAMS_MAX`] programs, [`EACH_MAX`] sockets of each.

mod arguments;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use procfs::process::{FDTarget, Process, all_processes};

use super::{Desk, ScanError, Work, page::page, sock_diag, sockets::own, timed::timed};
use crate::model::{Card, Fact, Health, OwnPrograms, Probe, Program, Source, Span, clean_text};

pub(super) static CARD: Card = Card {
    id: "processes",
    title: "Programs on this host",
    needs: Some("CAP_SYS_PTRACE"),
    page: page!("processes.rs"),
};
pub(super) const SOURCE: Source = Source::Processes;
pub(super) const PROBES: &[Probe] = &[];

/// Programs with sockets; a host in a home has some dozens.
const PROGRAMS_MAX: usize = 512;
/// Sockets of one program.
const EACH_MAX: usize = 256;
const NAME_MAX: usize = 64;
const PATH_MAX: usize = 256;
/// What `readlink` shows behind the path of a file that is gone (fs/d_path.c).
const DELETED: &str = " (deleted)";

timed! {
    /// `scanners.processes`.
    Settings
    /// How often programs are looked at.
    interval: Span::minutes(1)
}

pub(super) async fn run(_: Settings, mut desk: Desk) -> Result<(), ScanError> {
    let mut unseen = None;
    while let Some(work) = desk.next().await? {
        let Work::Round = work else { continue };
        let listing = sock_diag::list().await?;
        let looked = tokio::task::spawn_blocking(move || look(&listing)).await;
        let found = looked.map_err(|error| ScanError::Library { doing: "look at programs", why: error.to_string() })?;
        let found = found.map_err(|error| ScanError::Library { doing: "read /proc", why: error.to_string() })?;
        if unseen.replace(found.unseen > 0) != Some(found.unseen > 0) && found.unseen > 0 {
            tracing::info!(sockets = found.unseen, "programs of other users are not seen without CAP_SYS_PTRACE");
        }
        desk.health(Health::Up);
        let seen = found.programs.len() as u64;
        if let Some(subject) = own(&desk.network()) {
            desk.report(None, subject, Fact::Programs(Arc::new(found))).await?;
        }
        desk.done(seen);
    }
    Ok(())
}

/// Who holds the sockets of `listing`.
fn look(listing: &sock_diag::Listing) -> procfs::ProcResult<OwnPrograms> {
    // An inode of zero is held by nobody: the kernel still ends the connection.
    let wanted: BTreeSet<u64> = (listing.listeners.iter().map(|held| held.inode))
        .chain(listing.connections.iter().map(|held| held.inode))
        .filter(|inode| *inode != 0)
        .collect();
    let mut found = OwnPrograms { looker: std::process::id(), ..OwnPrograms::default() };
    let mut held: BTreeSet<u64> = BTreeSet::new();
    for process in all_processes()?.flatten() {
        // A process may end while it is looked at, and others' may not be ours to see.
        let Ok(files) = process.fd() else { continue };
        let inodes: BTreeSet<u64> = files
            .flatten()
            .filter_map(|file| match file.target {
                FDTarget::Socket(inode) => Some(inode).filter(|inode| wanted.contains(inode)),
                _ => None,
            })
            .collect();
        if inodes.is_empty() {
            continue;
        }
        held.extend(&inodes);
        if found.programs.len() >= PROGRAMS_MAX {
            found.left_out = found.left_out.saturating_add(1);
        } else if let Some(program) = describe(&process, &inodes, listing) {
            found.programs.push(program);
        }
    }
    name_parents(&mut found);
    found.programs.sort_by_key(|program| (program.pid, program.started));
    found.unseen = u32::try_from(wanted.len().saturating_sub(held.len())).unwrap_or(u32::MAX);
    Ok(found)
}

fn describe(process: &Process, inodes: &BTreeSet<u64>, listing: &sock_diag::Listing) -> Option<Program> {
    let stat = process.stat().ok()?;
    let (exe, deleted) = match process.exe() {
        Ok(path) => {
            let path = path.to_string_lossy().into_owned();
            let gone = path.strip_suffix(DELETED);
            (Some(clean_text(gone.unwrap_or(&path), PATH_MAX)), gone.is_some())
        }
        Err(_) => (None, false),
    };
    let parent = u32::try_from(stat.ppid).ok().filter(|pid| *pid != 0).map(|pid| (pid, String::new()));
    Some(Program {
        pid: u32::try_from(stat.pid).ok()?,
        started: stat.starttime,
        name: clean_text(&stat.comm, NAME_MAX),
        exe,
        deleted,
        arguments: arguments::shown(&process.cmdline().unwrap_or_default()),
        uid: process.uid().ok()?,
        parent,
        listeners: listing
            .listeners
            .iter()
            .filter(|held| inodes.contains(&held.inode))
            .map(|held| held.what)
            .take(EACH_MAX)
            .collect(),
        connections: listing
            .connections
            .iter()
            .filter(|held| inodes.contains(&held.inode))
            .map(|held| held.what)
            .take(EACH_MAX)
            .collect(),
    })
}

/// Parents are known by number; those that still run have a name.
fn name_parents(found: &mut OwnPrograms) {
    let mut names: BTreeMap<u32, Option<String>> = BTreeMap::new();
    for program in &mut found.programs {
        let Some((pid, _)) = program.parent else { continue };
        let name = names.entry(pid).or_insert_with(|| {
            let process = Process::new(i32::try_from(pid).ok()?).ok()?;
            process.stat().ok().map(|stat| clean_text(&stat.comm, NAME_MAX))
        });
        program.parent = name.clone().map(|name| (pid, name));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    #[tokio::test]
    async fn this_very_test_is_found_behind_its_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at: SocketAddr = listener.local_addr().expect("an address");
        let listing = sock_diag::list().await.expect("a listing");
        let found = look(&listing).expect("/proc is there");
        let own = found.programs.iter().find(|program| program.pid == std::process::id()).expect("this process");
        assert!(own.listeners.iter().any(|listener| listener.tcp && listener.at == at), "{own:?}");
        let exe = std::env::current_exe().expect("a file");
        assert_eq!(found.looker, own.pid);
        assert_eq!(own.exe.as_deref(), Some(&*exe.to_string_lossy()));
        assert!(!own.deleted && own.parent.is_some(), "{own:?}");
    }
}
