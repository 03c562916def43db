//! What the loader of the crate `bootloader` 0.9 hands to a kernel: its address space, its `BootInfo`, its processor state.
//!
//! As there, addresses that the kernel does not ask for begin at the lowest unused 512 GiB, in this order: the recursive
//! entry (which is kept free also without the feature), boot information with the stack behind it, physical memory. The
//! root of the page tables, `BootInfo` and the stack are taken from the lowest free memory. All but the kernel's
//! segments may be executed. Low memory, where the crate's loader was, may be written as well; what tells of exceptions
//! lies above it.

use crate::address_space::{AddressSpace, READ_WRITE_EXECUTE, ROOT_ENTRY_SIZE};
use crate::bios::Registers;
use crate::console;
use crate::elf::{Kernel, refuse};
use crate::exceptions;
use crate::handover::{self, State};
use crate::load::Placed;
use crate::memory::MemoryMap;
use crate::parameters::{Bootloader09, Parameters};
use layout::*;
use osimage_boot_info::{MemoryKind, MemoryRegion, Stack};

const VIDEO: u8 = 0x10;
const MODE_320X200: u32 = 0x13;
const SCREEN_SIZE: u64 = 320 * 200;
/// The crate clears as many bytes as there are cells; below that the text screen is blank in grey on black.
const TEXT_CLEARED: u64 = TEXT_COLUMNS * TEXT_ROWS;

/// Numbers of `MemoryRegionType`; the others are in `number`.
const FRAME_ZERO: u64 = 10;
const EMPTY: u64 = 11;

/// Bytes of `BootInfo` at most: the map, its count, two fields by features, the TLS template, one byte with its padding.
const LARGEST: u64 = BOOTLOADER_09_REGIONS * 24 + 8 + 2 * 8 + 3 * 8 + 8;
const _: () = assert!(LARGEST <= PAGE_SIZE);

/// Where things are in the kernel's address space.
struct Addresses {
    boot_info: u64,
    stack: Stack,
    recursive: u64,
    physical_memory: u64,
}

/// Hands over to KERNEL, which is at PLACED; does not return.
pub fn enter(
    expected: &Bootloader09,
    parameters: &Parameters,
    kernel: &Kernel,
    placed: &Placed,
    memory: &mut MemoryMap,
) -> ! {
    // Low, and mapped where it is: there are kernels that reach it through the address in CR3.
    let root = memory.take_lowest("page tables", PAGE_SIZE, MemoryKind::PageTables).0;
    let space = AddressSpace::new(root, placed, memory);
    for (start, end) in [(PAGE_SIZE, BOOTLOADER_09_LOW_END), (VGA_ADDRESS, VGA_END), (root, root + PAGE_SIZE)] {
        space.map_where_it_is(start, end, READ_WRITE_EXECUTE, memory);
    }
    let frame = memory.take_lowest("boot information", PAGE_SIZE, MemoryKind::BootInfo).0;
    let addresses = map(expected, parameters.stack_size, &space, frame, memory);
    write_boot_info(frame, expected, &addresses, kernel, memory);
    if expected.vga_320x200 {
        Registers { eax: MODE_320X200, ..Default::default() }.call(VIDEO);
        clear(VGA_ADDRESS, SCREEN_SIZE);
    } else {
        console::clear();
        clear(TEXT_SCREEN_ADDRESS, TEXT_CLEARED);
    }
    exceptions::watch_kernel(placed, addresses.stack, true);
    let state = State::Bootloader09 { sse: expected.sse };
    handover::enter(&space, state, addresses.stack.top, kernel.entry, addresses.boot_info)
}

/// Maps `BootInfo`, which is at FRAME, the stack, and what the features want; what the kernel places comes first.
fn map(
    expected: &Bootloader09,
    stack_size: u64,
    space: &AddressSpace,
    frame: u64,
    memory: &mut MemoryMap,
) -> Addresses {
    if let Some(address) = expected.boot_info_address {
        space.map(address, frame, PAGE_SIZE, READ_WRITE_EXECUTE, memory);
    }
    if let Some(guard) = expected.kernel_stack_address {
        map_stack(guard, stack_size, space, memory);
    }
    let mut physical_memory = match expected.physical_memory_offset {
        Some(offset) => map_physical_memory(Some(offset), space, memory),
        None => 0,
    };
    let recursive_index = space.free_root_entries(1);
    let recursive = canonical(recursive_index * (ROOT_ENTRY_SIZE + (1 << 30) + (1 << 21) + PAGE_SIZE));
    space.map_itself(recursive_index);
    let boot_info = expected.boot_info_address.unwrap_or_else(|| {
        let address = canonical(space.free_root_entries(1) * ROOT_ENTRY_SIZE);
        space.map(address, frame, PAGE_SIZE, READ_WRITE_EXECUTE, memory);
        address
    });
    let guard = expected.kernel_stack_address.unwrap_or_else(|| {
        map_stack(boot_info + PAGE_SIZE, stack_size, space, memory);
        boot_info + PAGE_SIZE
    });
    if expected.map_physical_memory && expected.physical_memory_offset.is_none() {
        physical_memory = map_physical_memory(None, space, memory);
    }
    if !expected.recursive_page_table {
        space.unmap_itself(recursive_index);
    }
    let bottom = guard + PAGE_SIZE;
    Addresses { boot_info, stack: Stack { bottom, top: bottom + stack_size }, recursive, physical_memory }
}

/// A stack of SIZE bytes above the guard page.
fn map_stack(guard: u64, size: u64, space: &AddressSpace, memory: &mut MemoryMap) {
    let free = memory.free();
    if size > free {
        stop!("no memory for the kernel's stack: {size} bytes needed, {free} are free below 4 GiB");
    }
    let mut done = 0;
    while done < size {
        let (base, length) = memory.take_lowest("stack", size - done, MemoryKind::KernelStack);
        space.map(guard + PAGE_SIZE + done, base, length, READ_WRITE_EXECUTE, memory);
        done += length;
    }
}

/// Maps everything up to the highest address that firmware tells, with the page that begins there; returns the offset.
fn map_physical_memory(offset: Option<u64>, space: &AddressSpace, memory: &mut MemoryMap) -> u64 {
    let end = memory.regions().last().map_or(0, MemoryRegion::end);
    let offset =
        offset.unwrap_or_else(|| canonical(space.free_root_entries(end.div_ceil(ROOT_ENTRY_SIZE)) * ROOT_ENTRY_SIZE));
    let last = offset.wrapping_add(end);
    if last < offset || canonical(last) != last || (offset ^ last) >> 63 != 0 {
        refuse!("physical memory up to {end:#x} does not fit behind its physical-memory-offset {offset:#x}");
    }
    space.map_large(offset, end / LARGE_PAGE_SIZE + 1, memory);
    offset
}

/// ADDRESS with the bits above the 48th like that one.
fn canonical(address: u64) -> u64 {
    ((address << 16) as i64 >> 16) as u64
}

/// Writes `BootInfo` to FRAME, word by word: its layout depends on the features.
fn write_boot_info(frame: u64, expected: &Bootloader09, addresses: &Addresses, kernel: &Kernel, memory: &MemoryMap) {
    let mut at = frame as usize as *mut u64;
    let mut put = |word: u64| {
        // SAFETY: within the page taken for it: see LARGEST.
        unsafe {
            *at = word;
            at = at.add(1);
        }
    };
    let mut count = 0;
    for (start, end, kind) in memory.regions().iter().flat_map(told) {
        if count == BOOTLOADER_09_REGIONS {
            refuse!(
                "the memory map has more than {BOOTLOADER_09_REGIONS} parts, for which its boot information has room"
            );
        }
        [start / PAGE_SIZE, end / PAGE_SIZE, kind].map(&mut put);
        count += 1;
    }
    for _ in count..BOOTLOADER_09_REGIONS {
        [0, 0, EMPTY].map(&mut put);
    }
    put(count);
    if expected.recursive_page_table {
        put(addresses.recursive);
    }
    if expected.map_physical_memory {
        put(addresses.physical_memory);
    }
    let template = kernel.thread_local.unwrap_or_default();
    [template.address, template.file_size, template.memory_size, 0].map(&mut put);
}

/// A region as the crate tells it: start, end, type. The first page has a type of its own; no bytes are no region.
fn told(region: &MemoryRegion) -> impl Iterator<Item = (u64, u64, u64)> {
    let zero = if region.base == 0 { PAGE_SIZE } else { region.base };
    let parts = [(region.base, zero, FRAME_ZERO), (zero, region.end(), number(region.kind()))];
    parts.into_iter().filter(|(start, end, _)| start != end)
}

fn number(kind: MemoryKind) -> u64 {
    match kind {
        MemoryKind::Usable => 0,
        MemoryKind::Reserved => 2,
        MemoryKind::AcpiReclaimable => 3,
        MemoryKind::AcpiNvs => 4,
        MemoryKind::Bad => 5,
        MemoryKind::Kernel | MemoryKind::KernelImage => 6,
        MemoryKind::KernelStack => 7,
        MemoryKind::PageTables => 8,
        MemoryKind::LoaderReclaimable => 9,
        MemoryKind::BootInfo => 12,
    }
}

/// Black, with an invisible cursor.
fn clear(address: u64, size: u64) {
    for at in (address..address + size).step_by(8) {
        // SAFETY: the screen's memory, which is mapped while the loader runs.
        unsafe { (at as usize as *mut u64).write_volatile(0) };
    }
}
