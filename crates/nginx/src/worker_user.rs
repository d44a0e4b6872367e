//! The user that worker processes run as, seen from the process that reads the configuration.

use std::fs::File;
use std::path::{Path, PathBuf};

use ngx::ffi::{
    NGX_ERROR, getegid, geteuid, getgroups, gid_t, initgroups, ngx_core_conf_t, ngx_int_t, setegid,
    seteuid, setgroups, uid_t,
};

use crate::cycle::Cycle;
use crate::environment::core_conf;

/// The user that workers will have, and those of `paths` that they cannot read. Empty where workers have this process's rights, or
/// nobody can tell. For `init_module`.
///
/// It takes the workers' rights for a moment, as ngx_worker_process_init does, for nothing else knows of groups, links and access
/// lists what the kernel does.
pub fn unreadable(cycle: &Cycle<'_>, paths: Vec<PathBuf>) -> Vec<PathBuf> {
    // SAFETY: a cycle whose configuration was read; nothing changes it.
    let core = unsafe { core_conf(cycle.as_ptr()).and_then(|core| core.as_ref()) };
    let Some(_rights) = core.and_then(WorkerRights::take) else { return Vec::new() };
    paths.into_iter().filter(|path| !is_readable(path)).collect()
}

fn is_readable(path: &Path) -> bool {
    File::open(path).is_ok()
}

/// This process has the workers' rights as long as this lives.
struct WorkerRights {
    group: gid_t,
    groups: Vec<gid_t>,
}

impl WorkerRights {
    /// None where workers keep the rights of this process: only root's are given up.
    fn take(core: &ngx_core_conf_t) -> Option<Self> {
        let unset = NGX_ERROR as ngx_int_t;
        let (user, group) = (uid_t::try_from(core.user).ok()?, gid_t::try_from(core.group).ok()?);
        // SAFETY: no arguments.
        let is_root = unsafe { geteuid() } == 0;
        if !is_root
            || user == 0
            || core.master == 0
            || core.master == unset
            || core.username.is_null()
        {
            return None;
        }
        // SAFETY: with 0 it only counts.
        let count = unsafe { getgroups(0, std::ptr::null_mut()) };
        let mut groups = vec![0; usize::try_from(count).ok()?];
        // SAFETY: there is room for so many.
        if unsafe { getgroups(count, groups.as_mut_ptr()) } != count {
            return None;
        }
        // SAFETY: no arguments.
        let rights = WorkerRights { group: unsafe { getegid() }, groups };
        // Dropped, and so undone, where a step fails.
        // SAFETY: plain numbers, and the name from the configuration.
        let is_taken = unsafe { initgroups(core.username, group) } == 0
            // SAFETY: as above.
            && unsafe { setegid(group) } == 0
            // SAFETY: as above. The last, for it gives up the right to the others.
            && unsafe { seteuid(user) } == 0;
        is_taken.then_some(rights)
    }
}

impl Drop for WorkerRights {
    fn drop(&mut self) {
        // SAFETY: plain numbers. The saved user id is root's still.
        let is_root = unsafe { seteuid(0) } == 0;
        // SAFETY: as above.
        let has_group = unsafe { setegid(self.group) } == 0;
        // SAFETY: the vector has so many.
        let has_groups = unsafe { setgroups(self.groups.len() as _, self.groups.as_ptr()) } == 0;
        if !(is_root && has_group && has_groups) {
            // A master with half its rights could neither bind nor start workers: to go on would be worse than to end.
            std::process::abort();
        }
    }
}
