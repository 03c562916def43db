//! What the image builder bound to this loader.

use crate::sha256::Digest;
use layout::*;

pub struct Parameters {
    pub kernel_sector: u64,
    pub kernel_size: u64,
    pub kernel_sha256: Digest,
    pub stack_size: u64,
    pub command_line: &'static [u8],
}

pub fn read() -> Parameters {
    let length = field::<u64>(COMMAND_LINE_LENGTH_OFFSET).min(COMMAND_LINE_CAPACITY);
    let address = (STAGE2_ADDRESS + COMMAND_LINE_OFFSET) as usize as *const u8;
    Parameters {
        kernel_sector: field(KERNEL_SECTOR_OFFSET),
        kernel_size: field(KERNEL_SIZE_OFFSET),
        kernel_sha256: Digest(field(KERNEL_SHA256_OFFSET)),
        stack_size: field(STACK_SIZE_OFFSET),
        // SAFETY: within the parameter block of this very program, which nothing writes.
        command_line: unsafe { core::slice::from_raw_parts(address, length as usize) },
    }
}

fn field<T: Copy>(offset: u64) -> T {
    // SAFETY: every caller names a field of the parameter block, of integers.
    unsafe { ((STAGE2_ADDRESS + offset) as usize as *const T).read_unaligned() }
}
