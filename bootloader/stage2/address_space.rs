//! The address space that the kernel is entered in: pages of 4 KiB, each with exactly the rights it needs, and of 2 MiB
//! where a kernel wants all physical memory mapped.

use crate::elf::refuse;
use crate::load::Placed;
use crate::memory::MemoryMap;
use crate::tables;
use core::arch::x86_64::__cpuid;
use layout::*;
use osimage_boot_info::{MemoryKind, Rights};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

pub const READ: Rights = Rights(0);
pub const READ_WRITE: Rights = Rights(Rights::WRITE);
pub const READ_EXECUTE: Rights = Rights(Rights::EXECUTE);
pub const READ_WRITE_EXECUTE: Rights = Rights(Rights::WRITE | Rights::EXECUTE);

/// Entries of a page table.
const ENTRIES: u64 = 512;
/// Bytes that an entry of the root stands for.
pub const ROOT_ENTRY_SIZE: u64 = 1 << 39;

pub struct AddressSpace {
    pub root: u64,
    /// Whether the processor knows pages that cannot be executed.
    pub no_execute: bool,
}

unsafe extern "C" {
    static text_start: u8;
    static rodata_start: u8;
    static rodata_end: u8;
    static bss_start: u8;
    static exception_stack_top: u8;
}

impl AddressSpace {
    /// The kernel's segments where it expects them, and what tells of exceptions where it is: the loader's code,
    /// variables, tables and exception stack, each page with exactly its rights. The rest of low memory is the caller's
    /// choice, everything else stays unmapped. ROOT is a page of zeros.
    pub fn new(root: u64, placed: &Placed, memory: &mut MemoryMap) -> AddressSpace {
        let space = AddressSpace { root, no_execute: has_no_execute() };
        for segment in placed.segments() {
            space.map(segment.address, segment.physical_address, segment.size, segment.rights, memory);
        }
        let tables_end = tables::address() + PAGE_SIZE;
        space.map_where_it_is(at(&raw const text_start), at(&raw const rodata_start), READ_EXECUTE, memory);
        space.map_where_it_is(at(&raw const rodata_start), at(&raw const rodata_end), READ, memory);
        space.map_where_it_is(at(&raw const bss_start), tables::address(), READ_WRITE, memory);
        space.map_where_it_is(tables::address(), tables_end, READ, memory);
        space.map_where_it_is(tables_end, at(&raw const exception_stack_top), READ_WRITE, memory);
        space
    }

    /// Maps physical memory from START up to END at the same virtual addresses.
    pub fn map_where_it_is(&self, start: u64, end: u64, rights: Rights, memory: &mut MemoryMap) {
        self.map(start, start, end - start, rights, memory);
    }

    /// Maps the pages that hold the SIZE bytes at a virtual address; both addresses have the same offset in a page.
    pub fn map(&self, address: u64, physical: u64, size: u64, rights: Rights, memory: &mut MemoryMap) {
        let inside = address % PAGE_SIZE;
        for page in 0..(inside + size).div_ceil(PAGE_SIZE) {
            let offset = page * PAGE_SIZE;
            let to = address - inside + offset;
            self.set(to, self.entry(to, 0, memory), (physical - inside + offset) | self.flags(rights));
        }
    }

    /// Maps physical memory from 0 on in COUNT pages of 2 MiB, with all rights.
    pub fn map_large(&self, address: u64, count: u64, memory: &mut MemoryMap) {
        let mut page = 0;
        while page < count {
            let to = address + page * LARGE_PAGE_SIZE;
            let first = self.entry(to, 1, memory);
            let run = (ENTRIES - (to / LARGE_PAGE_SIZE) % ENTRIES).min(count - page); // what one table holds
            for index in 0..run {
                let value = (page + index) * LARGE_PAGE_SIZE | LARGE | self.flags(READ_WRITE_EXECUTE);
                self.set(to, first.wrapping_add(index as usize), value);
            }
            page += run;
        }
    }

    /// Makes entry INDEX of the root lead to the root itself.
    pub fn map_itself(&self, index: u64) {
        self.set(
            index * ROOT_ENTRY_SIZE,
            entry_in(self.root, index * ROOT_ENTRY_SIZE, 3),
            self.root | PRESENT | WRITABLE,
        );
    }

    pub fn unmap_itself(&self, index: u64) {
        // SAFETY: as in `set`.
        unsafe { *entry_in(self.root, index * ROOT_ENTRY_SIZE, 3) = 0 };
    }

    /// The first of COUNT unused entries of the root in a row.
    pub fn free_root_entries(&self, count: u64) -> u64 {
        // SAFETY: an entry of the root, which only this space uses.
        let used = |index: u64| unsafe { *entry_in(self.root, index * ROOT_ENTRY_SIZE, 3) != 0 };
        let mut first = 1; // the loader is below
        for index in 1..ENTRIES {
            if used(index) {
                first = index + 1;
            } else if index + 1 - first == count {
                return first;
            }
        }
        stop!("no room in the kernel's address space for {count} times 512 GiB in a row")
    }

    fn flags(&self, rights: Rights) -> u64 {
        let no_execute = if self.no_execute && !rights.executable() { NO_EXECUTE } else { 0 };
        PRESENT | no_execute | if rights.writable() { WRITABLE } else { 0 }
    }

    /// Segments may share a page; nothing else may be where something is.
    fn set(&self, address: u64, entry: *mut u64, value: u64) {
        // SAFETY: `entry` points into a page table of ours, which nothing else uses yet.
        unsafe {
            if *entry != 0 && *entry != value {
                refuse!("the page {address:#x} is wanted for two things");
            }
            *entry = value;
        }
    }

    /// The entry of a level for an address; tables on the way to it are made.
    fn entry(&self, address: u64, level: u32, memory: &mut MemoryMap) -> *mut u64 {
        let mut table = self.root;
        for upper in (level + 1..4).rev() {
            let entry = entry_in(table, address, upper);
            // SAFETY: as in `set`; tables come zeroed.
            unsafe {
                if *entry == 0 {
                    *entry = memory.take("page tables", PAGE_SIZE, MemoryKind::PageTables) | PRESENT | WRITABLE;
                } else if *entry & LARGE != 0 {
                    refuse!("the page {address:#x} is wanted for two things");
                }
                table = *entry & ADDRESS;
            }
        }
        entry_in(table, address, level)
    }
}

fn at(symbol: *const u8) -> u64 {
    symbol as usize as u64
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
