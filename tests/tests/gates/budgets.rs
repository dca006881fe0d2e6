//! How much a call may cost: the figure of the day that it was written down, and some fifteen in a hundred.
//!
//! None of it depends on how busy the machine is. Instructions are those of x86-64; elsewhere they are printed. Page
//! faults are those of executables in a tmpfs, as `/tmp` is on many systems: there are a dozen more than on a disk.

/// The cost of one call, all its processes taken together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) instructions: u64,
    pub(crate) system_calls: u64,
    pub(crate) page_faults: u64,
    pub(crate) processes: u64,
    pub(crate) threads: u64,
}

/// What `print` costs that hits the cache.
pub(crate) const PRINT: Cost =
    Cost { instructions: 199_000, system_calls: 46, page_faults: 85, processes: 1, threads: 0 };

/// `api-key-helper`, called by a script.
pub(crate) const API_KEY_HELPER: Cost =
    Cost { instructions: 218_000, system_calls: 61, page_faults: 87, processes: 1, threads: 0 };

/// `api-key-helper`, called by the client: what it was handed is looked up and written down.
pub(crate) const CLIENT: Cost =
    Cost { instructions: 242_000, system_calls: 70, page_faults: 90, processes: 1, threads: 0 };

/// `get`.
pub(crate) const GET: Cost =
    Cost { instructions: 224_000, system_calls: 47, page_faults: 91, processes: 1, threads: 0 };

/// `print` through one helper that reads a file, the answer kept.
pub(crate) const COLD: Cost =
    Cost { instructions: 790_000, system_calls: 370, page_faults: 209, processes: 2, threads: 0 };

/// The dispatcher as it is installed, in bytes.
pub(crate) const SIZE: u64 = 4_811_000;

/// By how much a warm call may cost more among 10,000 cached answers than among 10, in hundredths.
pub(crate) const ENTRIES: u64 = 2;

/// By how much it may cost more with a chain of so many entries than with a chain of one, in hundredths.
pub(crate) const CHAINS: [(usize, u64); 2] = [(10, 6), (50, 25)];
