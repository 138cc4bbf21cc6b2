//! Child processes that end with their parent, whatever ends the parent.
//!
//! On Linux a child is started through `torii exec-bound`, which asks the kernel to kill it when the parent dies and
//! then becomes the program itself (same process id). Elsewhere a parent that is killed with SIGKILL leaves its
//! children running.

pub(crate) mod bound;
mod child;
mod spawner;

pub use bound::Launcher;
pub use child::Child;
