//! The memory map: what firmware tells, made sorted and free of overlap, and what the loader takes from it.

use crate::bios::{Registers, lend, take_back};
use crate::console::Text;
use crate::global::Global;
use layout::*;
use osimage_boot_info::{MemoryKind, MemoryRegion};

const SYSTEM: u8 = 0x15;
const QUERY_MAP: u32 = 0xe820;
const SIGNATURE: u32 = u32::from_be_bytes(*b"SMAP");
/// The shortest answer: base, length, kind; ACPI 3.0 adds attributes.
const ENTRY_SIZE: u32 = 20;
const EXTENDED_SIZE: u32 = 24;
const ENABLED: u32 = 1;
const TRIES: u32 = 3;
/// More entries than any firmware has: one that never says which is the last.
const MOST_ENTRIES: usize = 200;

const CAPACITY: usize = MAX_MEMORY_REGIONS as usize;
const MIB: u64 = 1 << 20;
/// What the loader's own page tables reach.
const REACH: u64 = 1 << 32;
/// Where the BIOS notes the KiB of memory below its extended data area.
const BIOS_BASE_MEMORY: usize = 0x413;

pub struct MemoryMap {
    regions: [MemoryRegion; CAPACITY],
    count: usize,
}

const NOTHING: MemoryRegion = MemoryRegion { base: 0, length: 0, raw_kind: 0, attributes: 0 };

static MAP: Global<MemoryMap> = Global::new(MemoryMap { regions: [NOTHING; CAPACITY], count: 0 });
/// Where `normalise` works; too large for the stack.
static SCRATCH: Global<[MemoryRegion; CAPACITY]> = Global::new([NOTHING; CAPACITY]);

unsafe extern "C" {
    static text_start: u8;
    static rodata_end: u8;
    static bss_start: u8;
    static exception_stack_top: u8;
    static loader_stack_top: u8;
}

/// The map, with the loader's own memory marked; called once. With WHOLE all memory that the loader runs in is marked,
/// so that it may be taken from below as well.
pub fn from_firmware(whole: bool) -> &'static mut MemoryMap {
    // SAFETY: the only reference, since this is called once.
    let map = unsafe { &mut *MAP.get() };
    let mut status = 0;
    for _ in 0..TRIES {
        map.count = 0;
        match map.read_entries() {
            Ok(()) => {
                map.mark_low_memory(whole);
                return map;
            }
            Err(found) => status = found,
        }
    }
    stop!("the BIOS tells no usable memory map: INT 15h, AX=E820h answers EAX={:#010x}", u64::from(status))
}

impl MemoryMap {
    pub fn regions(&self) -> &[MemoryRegion] {
        &self.regions[..self.count]
    }

    /// SIZE bytes, rounded up to pages, zeroed, from the top of the highest free memory below 4 GiB that has them.
    pub fn take(&mut self, what: &'static str, size: u64, kind: MemoryKind) -> u64 {
        let usable = |region: &&MemoryRegion| region.kind() == MemoryKind::Usable;
        let reachable = |region: &MemoryRegion| (region.base.max(MIB), region.end().min(REACH));
        let mut largest = 0;
        for (base, end) in self.regions().iter().filter(usable).map(reachable).rev() {
            let room = end.saturating_sub(base);
            largest = largest.max(room);
            // Compared before it is rounded up: the size may come from a damaged file.
            if size <= room {
                let length = size.next_multiple_of(PAGE_SIZE);
                self.give(end - length, length, kind);
                return end - length;
            }
        }
        let what = Text(what);
        stop!("no memory for the kernel's {what}: {size} bytes needed, {largest} in the largest free block below 4 GiB")
    }

    /// SIZE bytes from ADDRESS on, zeroed, if they are free.
    pub fn take_at(&mut self, address: u64, size: u64, kind: MemoryKind) -> Option<u64> {
        let length = size.checked_next_multiple_of(PAGE_SIZE)?;
        let fits = |region: &MemoryRegion| region.base <= address && length <= region.end().saturating_sub(address);
        self.regions().iter().find(|region| region.kind() == MemoryKind::Usable && fits(region))?;
        self.give(address, length, kind);
        Some(address)
    }

    /// Bytes of free memory below 4 GiB.
    pub fn free(&self) -> u64 {
        let usable = self.regions().iter().filter(|region| region.kind() == MemoryKind::Usable);
        usable.map(|region| region.end().min(REACH).saturating_sub(region.base)).sum()
    }

    /// The lowest free memory below 4 GiB, at most SIZE bytes of it, zeroed: its address and its bytes, whole pages.
    pub fn take_lowest(&mut self, what: &'static str, size: u64, kind: MemoryKind) -> (u64, u64) {
        let free = |region: &&MemoryRegion| region.kind() == MemoryKind::Usable && region.base < REACH;
        let Some(first) = self.regions().iter().find(free) else {
            stop!("no memory for the kernel's {}: {size} more bytes needed, none is free below 4 GiB", Text(what));
        };
        let (base, length) = (first.base, first.length.min(REACH - first.base).min(size));
        self.give(base, length, kind);
        (base, length)
    }

    fn give(&mut self, base: u64, length: u64, kind: MemoryKind) {
        self.add(base, base + length, kind as u32, ENABLED);
        self.normalise();
        // SAFETY: free memory according to firmware, reached by the loader's page tables, and nobody else's now.
        unsafe { core::ptr::write_bytes(base as usize as *mut u8, 0, length as usize) };
    }

    /// One pass over the firmware's list; EAX as it came back where the list is not to be believed.
    fn read_entries(&mut self) -> Result<(), u32> {
        let mut next = 0;
        loop {
            let mut query =
                Registers { eax: QUERY_MAP, ebx: next, ecx: EXTENDED_SIZE, edx: SIGNATURE, ..Default::default() };
            // Firmware that writes only 20 bytes leaves "enabled" in the attributes.
            query.edi = lend(MemoryRegion { attributes: ENABLED, ..NOTHING });
            let answered = query.call(SYSTEM);
            if !answered && self.count > 0 {
                break; // some firmware marks the end so
            }
            if !answered || query.eax != SIGNATURE || query.ecx < ENTRY_SIZE || self.count == MOST_ENTRIES {
                return Err(query.eax);
            }
            self.add_entry(take_back());
            next = query.ebx;
            if next == 0 {
                break;
            }
        }
        let usable = self.regions().iter().any(|region| region.kind() == MemoryKind::Usable && region.end() > MIB);
        if usable { Ok(()) } else { Err(0) }
    }

    /// Takes in what firmware told, in whole pages: fewer where memory is usable, more where it is not.
    fn add_entry(&mut self, entry: MemoryRegion) {
        let Some(end) = entry.base.checked_add(entry.length) else { return };
        if entry.length == 0 || entry.attributes & ENABLED == 0 {
            return;
        }
        let inwards = entry.raw_kind == MemoryKind::Usable as u32;
        let last = u64::MAX - PAGE_SIZE;
        let up = |address: u64| address.min(last).next_multiple_of(PAGE_SIZE);
        let down = |address: u64| address - address % PAGE_SIZE;
        let (base, end) = if inwards { (up(entry.base), down(end)) } else { (down(entry.base), up(end)) };
        self.add(base, end, MemoryKind::from_raw(entry.raw_kind) as u32, entry.attributes);
    }

    fn add(&mut self, base: u64, end: u64, raw_kind: u32, attributes: u32) {
        if base < end {
            *place(&mut self.regions, self.count) = MemoryRegion { base, length: end - base, raw_kind, attributes };
            self.count += 1;
        }
    }

    /// The first page, the BIOS data area, the holes of the PC below 1 MiB, and what stays of the loader.
    fn mark_low_memory(&mut self, whole: bool) {
        let address = |symbol: *const u8| symbol as usize as u64;
        // SAFETY: the BIOS data area is ordinary memory in every PC.
        let kib = unsafe { (BIOS_BASE_MEMORY as *const u16).read_volatile() };
        let low_end = (u64::from(kib) << 10).clamp(LOADER_DATA_END, VGA_ADDRESS);
        let reserved = MemoryKind::Reserved as u32;
        let loader = MemoryKind::LoaderReclaimable as u32;
        self.add(0, PAGE_SIZE, reserved, ENABLED);
        let up = |address: u64| address.next_multiple_of(PAGE_SIZE);
        if whole {
            // The holes above are not told: `bootloader` 0.9 tells just what firmware says.
            self.add(low_end - low_end % PAGE_SIZE, VGA_ADDRESS, reserved, ENABLED);
            self.add(PAGE_SIZE, address(&raw const loader_stack_top), loader, ENABLED);
        } else {
            self.add(low_end - low_end % PAGE_SIZE, MIB, reserved, ENABLED);
            self.add(address(&raw const text_start), up(address(&raw const rodata_end)), loader, ENABLED);
            self.add(address(&raw const bss_start), address(&raw const exception_stack_top), loader, ENABLED);
        }
        self.normalise();
    }

    /// Sorts the regions; where some overlap, what is told worst of a place holds; equal neighbours become one.
    fn normalise(&mut self) {
        // SAFETY: the only reference: this function does not call itself.
        let result = unsafe { &mut *SCRATCH.get() };
        let mut count = 0;
        let mut at = 0;
        // From border to border: AT is the lowest address not decided yet.
        while let Some(border) = self.border_after(at) {
            let worst = self
                .regions()
                .iter()
                .filter(|region| region.base <= at && at < region.end())
                .max_by_key(|region| severity(region.kind()));
            if let Some(worst) = worst {
                let piece = MemoryRegion { base: at, length: border - at, ..*worst };
                match result[..count].last_mut() {
                    Some(last)
                        if last.end() == at
                            && last.raw_kind == piece.raw_kind
                            && last.attributes == piece.attributes =>
                    {
                        last.length += piece.length;
                    }
                    _ => {
                        *place(result, count) = piece;
                        count += 1;
                    }
                }
            }
            at = border;
        }
        self.regions[..count].copy_from_slice(&result[..count]);
        self.count = count;
    }

    fn border_after(&self, address: u64) -> Option<u64> {
        self.regions().iter().flat_map(|region| [region.base, region.end()]).filter(|border| *border > address).min()
    }
}

fn place(regions: &mut [MemoryRegion; CAPACITY], index: usize) -> &mut MemoryRegion {
    match regions.get_mut(index) {
        Some(place) => place,
        None => stop!("the memory map has more than {CAPACITY} parts"),
    }
}

/// Orders the kinds: what the loader took is stronger than "usable", what firmware keeps is stronger than both.
fn severity(kind: MemoryKind) -> u32 {
    match kind {
        MemoryKind::Usable => 0,
        MemoryKind::AcpiReclaimable => 2,
        MemoryKind::AcpiNvs => 3,
        MemoryKind::Reserved => 4,
        MemoryKind::Bad => 5,
        _ => 1,
    }
}
