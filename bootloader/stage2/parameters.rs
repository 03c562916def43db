//! What the image builder bound to this loader.

use crate::sha256::Digest;
use layout::*;

pub struct Parameters {
    pub kernel_sector: u64,
    pub kernel_size: u64,
    pub kernel_sha256: Digest,
    pub stack_size: u64,
    pub command_line: &'static [u8],
    /// What a kernel of the crate `bootloader` 0.9 expects; any other is handed osimage's own record.
    pub bootloader_09: Option<Bootloader09>,
}

/// The crate's features, and the addresses that the kernel asks for.
pub struct Bootloader09 {
    pub map_physical_memory: bool,
    pub recursive_page_table: bool,
    pub vga_320x200: bool,
    pub sse: bool,
    pub kernel_stack_address: Option<u64>,
    pub physical_memory_offset: Option<u64>,
    pub boot_info_address: Option<u64>,
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
        bootloader_09: read_bootloader_09(),
    }
}

fn read_bootloader_09() -> Option<Bootloader09> {
    let bits = field::<u64>(HANDOVER_OFFSET);
    let has = |bit| bits & bit != 0;
    let address = |offset| Some(field(offset)).filter(|address| *address != ANY_ADDRESS);
    has(BOOTLOADER_09).then(|| Bootloader09 {
        map_physical_memory: has(MAP_PHYSICAL_MEMORY),
        recursive_page_table: has(RECURSIVE_PAGE_TABLE),
        vga_320x200: has(VGA_320X200),
        sse: has(SSE),
        kernel_stack_address: address(KERNEL_STACK_ADDRESS_OFFSET),
        physical_memory_offset: address(PHYSICAL_MEMORY_OFFSET_OFFSET),
        boot_info_address: address(BOOT_INFO_ADDRESS_OFFSET),
    })
}

fn field<T: Copy>(offset: u64) -> T {
    // SAFETY: every caller names a field of the parameter block, of integers.
    unsafe { ((STAGE2_ADDRESS + offset) as usize as *const T).read_unaligned() }
}
