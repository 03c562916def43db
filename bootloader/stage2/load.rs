//! Puts the kernel's segments into fresh, zeroed memory. They are copied: in the file several may share a page.

use crate::elf::{Kernel, Segment};
use crate::memory::MemoryMap;
use crate::relocate::relocate;
use layout::{MAX_LOAD_SEGMENTS, PAGE_SIZE};
use osimage_boot_info::{KernelSegment, MemoryKind, Rights};

const CAPACITY: usize = MAX_LOAD_SEGMENTS as usize;

/// The kernel in memory.
pub struct Placed {
    pub offset: u64,
    segments: [KernelSegment; CAPACITY],
    count: usize,
}

impl Placed {
    pub fn segments(&self) -> &[KernelSegment] {
        &self.segments[..self.count]
    }

    /// Where the SIZE bytes at a kernel's ADDRESS are in physical memory, if they lie in one segment.
    pub fn physical(&self, address: u64, size: u64) -> Option<u64> {
        self.segments().iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            (inside.checked_add(size)? <= segment.size).then_some(segment.physical_address + inside)
        })
    }
}

/// Loads KERNEL into memory taken from MEMORY.
pub fn place(kernel: &Kernel, memory: &mut MemoryMap) -> Placed {
    let nothing = KernelSegment { address: 0, physical_address: 0, size: 0, rights: Rights(0), index: 0 };
    let mut placed = Placed { offset: kernel.offset, segments: [nothing; CAPACITY], count: 0 };
    for group in kernel.segments().chunk_by(share_page) {
        let base = page_of(group[0].address);
        let end = group[group.len() - 1].end();
        let frames = memory.take("segments", end - base, MemoryKind::Kernel);
        for segment in group {
            let physical_address = frames + (segment.address - base);
            copy(kernel.image, segment, physical_address);
            placed.segments[placed.count] = KernelSegment {
                address: segment.address,
                physical_address,
                size: segment.memory_size,
                rights: segment.rights,
                index: segment.index as u32,
            };
            placed.count += 1;
        }
    }
    relocate(kernel, &placed);
    placed
}

fn copy(image: &[u8], segment: &Segment, physical_address: u64) {
    if segment.file_size == 0 {
        return; // its offset may be anything
    }
    let data = &image[segment.file_offset as usize..][..segment.file_size as usize];
    // SAFETY: this memory was taken for the segment, which has at least as many bytes in memory as in the file.
    unsafe { core::ptr::copy_nonoverlapping(data.as_ptr(), physical_address as usize as *mut u8, data.len()) };
}

fn share_page(first: &Segment, second: &Segment) -> bool {
    page_of(second.address) < first.end()
}

fn page_of(address: u64) -> u64 {
    address - address % PAGE_SIZE
}
