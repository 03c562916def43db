//! The address space that the kernel is entered in: pages of 4 KiB, each with exactly the rights it needs.

use crate::load::Placed;
use crate::memory::MemoryMap;
use crate::tables;
use core::arch::x86_64::__cpuid;
use layout::*;
use osimage_boot_info::{MemoryKind, Rights};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const READ: Rights = Rights(0);
const READ_WRITE: Rights = Rights(Rights::WRITE);
const READ_EXECUTE: Rights = Rights(Rights::EXECUTE);

pub struct AddressSpace {
    pub root: u64,
    /// Whether the processor knows pages that cannot be executed.
    pub no_execute: bool,
}

unsafe extern "C" {
    static data_start: u8;
    static text_start: u8;
    static rodata_start: u8;
    static flat_end: u8;
    static bss_start: u8;
    static exception_stack_top: u8;
}

/// The kernel, its stack and the boot information where it expects them; the loader's own code, tables and exception
/// stack, and the memory of VGA, where they are. Everything else stays unmapped: the first page, the guard page.
pub fn for_kernel(placed: &Placed, stack: u64, stack_size: u64, record: u64, memory: &mut MemoryMap) -> AddressSpace {
    let root = memory.take("page tables", PAGE_SIZE, MemoryKind::PageTables);
    let space = AddressSpace { root, no_execute: has_no_execute() };
    for segment in placed.segments() {
        space.map(segment.address, segment.physical_address, segment.size, segment.rights, memory);
    }
    space.map(KERNEL_STACK_TOP - stack_size, stack, stack_size, READ_WRITE, memory);
    space.map(BOOT_INFO_ADDRESS, record, BOOT_INFO_SIZE, READ, memory);
    space.map(VGA_ADDRESS, VGA_ADDRESS, VGA_END - VGA_ADDRESS, READ_WRITE, memory);

    let at = |symbol: *const u8| symbol as usize as u64;
    let own = [
        (at(&raw const data_start), at(&raw const text_start), READ_WRITE),
        (at(&raw const text_start), at(&raw const rodata_start), READ_EXECUTE),
        (at(&raw const rodata_start), at(&raw const flat_end), READ),
        (at(&raw const bss_start), at(&raw const exception_stack_top), READ_WRITE),
        (tables::address(), tables::address() + PAGE_SIZE, READ),
    ];
    for (start, end, rights) in own {
        space.map(start, start, end - start, rights, memory);
    }
    space
}

impl AddressSpace {
    /// Maps the pages that hold the SIZE bytes at a virtual address; both addresses have the same offset in a page.
    fn map(&self, address: u64, physical: u64, size: u64, rights: Rights, memory: &mut MemoryMap) {
        let inside = address % PAGE_SIZE;
        let mut flags = PRESENT;
        if rights.writable() {
            flags |= WRITABLE;
        }
        if self.no_execute && !rights.executable() {
            flags |= NO_EXECUTE;
        }
        for page in 0..(inside + size).div_ceil(PAGE_SIZE) {
            let offset = page * PAGE_SIZE;
            let entry = self.entry(address - inside + offset, memory);
            // SAFETY: `entry` points into a page table of ours, which nothing else uses yet.
            unsafe { *entry = (physical - inside + offset) | flags };
        }
    }

    /// The entry of the lowest level for an address; tables on the way to it are made.
    fn entry(&self, address: u64, memory: &mut MemoryMap) -> *mut u64 {
        let mut table = self.root;
        for level in [3, 2, 1] {
            let entry = entry_in(table, address, level);
            // SAFETY: as in `map`; tables come zeroed.
            unsafe {
                if *entry == 0 {
                    *entry = memory.take("page tables", PAGE_SIZE, MemoryKind::PageTables) | PRESENT | WRITABLE;
                }
                table = *entry & ADDRESS;
            }
        }
        entry_in(table, address, 0)
    }
}

fn entry_in(table: u64, address: u64, level: u32) -> *mut u64 {
    let index = address >> (12 + 9 * level) & 0x1ff;
    (table as usize as *mut u64).wrapping_add(index as usize)
}

fn has_no_execute() -> bool {
    // Safe in newer compilers.
    #[allow(unused_unsafe)]
    // SAFETY: the real-mode part found CPUID and this leaf.
    let features = unsafe { __cpuid(0x8000_0001) };
    features.edx & 1 << 20 != 0
}
