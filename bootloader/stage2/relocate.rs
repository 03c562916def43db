//! Adapts a position-independent kernel to the address where it is loaded.

use crate::console::Text;
use crate::elf::{Kernel, refuse};
use crate::load::Placed;

const END: u64 = 0;
const NEEDED: u64 = 1;
const TABLE: u64 = 7; // DT_RELA
const TABLE_SIZE: u64 = 8; // DT_RELASZ
/// Other forms of relocations: DT_REL, DT_JMPREL, DT_RELR, and its Android forerunners.
const OTHERS: [u64; 5] = [17, 23, 36, 0x6000_000f, 0x6000_0011];

const NOTHING: u64 = 0;
const RELATIVE: u64 = 8;
const ENTRY_SIZE: u64 = 24;

/// Applies what the kernel's dynamic section lists.
pub fn relocate(kernel: &Kernel, placed: &Placed) {
    let (dynamic, size) = kernel.dynamic;
    let (mut table, mut table_size) = (0, 0);
    for at in (0..size / 16).map(|index| dynamic.wrapping_add(kernel.offset).wrapping_add(index * 16)) {
        let tag = read(placed, "dynamic section", at);
        let value = read(placed, "dynamic section", at.wrapping_add(8));
        match tag {
            END => break,
            NEEDED => refuse!("it needs a shared library"),
            TABLE => table = value.wrapping_add(kernel.offset),
            TABLE_SIZE => table_size = value,
            _ if OTHERS.contains(&tag) => {
                refuse!("its dynamic section has relocations of a kind that the loader does not know (tag {tag:#x})")
            }
            _ => {}
        }
    }
    for at in (0..table_size / ENTRY_SIZE).map(|index| table.wrapping_add(index * ENTRY_SIZE)) {
        let target = read(placed, "relocation table", at).wrapping_add(kernel.offset);
        let kind = read(placed, "relocation table", at.wrapping_add(8)) & 0xffff_ffff;
        let value = read(placed, "relocation table", at.wrapping_add(16)).wrapping_add(kernel.offset);
        match kind {
            NOTHING => {}
            RELATIVE => write(placed, "target of a relocation", target, value),
            _ => refuse!("the relocation at {at:#x} has type {kind}, not R_X86_64_RELATIVE (8)"),
        }
    }
}

fn read(placed: &Placed, what: &'static str, address: u64) -> u64 {
    let physical = find(placed, what, address);
    // SAFETY: within the memory taken for a segment, to which no reference is held.
    unsafe { (physical as usize as *const u64).read_unaligned() }
}

fn write(placed: &Placed, what: &'static str, address: u64, value: u64) {
    let physical = find(placed, what, address);
    // SAFETY: as for `read`.
    unsafe { (physical as usize as *mut u64).write_unaligned(value) };
}

fn find(placed: &Placed, what: &str, address: u64) -> u64 {
    match placed.physical(address, 8) {
        Some(physical) => physical,
        None => refuse!("the {} at {address:#x} lies in no segment", Text(what)),
    }
}
