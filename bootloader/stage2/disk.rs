//! Reads the kernel's file from the boot drive: large BIOS reads into low memory, each copied to its place.

use crate::bios::{Registers, lend, take_back};
use crate::console;
use crate::memory::MemoryMap;
use crate::parameters::Parameters;
use layout::{BOUNCE_ADDRESS, BOUNCE_SECTORS, SECTOR_SIZE};
use osimage_boot_info::MemoryKind;

const DISK: u8 = 0x13;
const RESET: u32 = 0x0000;
const EXTENDED_READ: u32 = 0x4200;
const GET_PARAMETERS: u32 = 0x4800;

/// Of the first version of the structure, which ends with the sector size.
const DRIVE_PARAMETERS_SIZE: u16 = 0x1a;

const TRIES: u32 = 3;
/// A kernel that takes longer than a moment is shown arriving, in steps of this many bytes.
const PROGRESS_STEP: u64 = 1 << 20;

#[derive(Clone, Copy)]
#[repr(C)]
struct Packet {
    size: u16,
    sectors: u16,
    offset: u16,
    segment: u16,
    first: u64,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct DriveParameters {
    size: u16,
    flags: u16,
    geometry: [u32; 3],
    sectors: [u32; 2],
    sector_size: u16,
}

/// The kernel's ELF file, in frames taken from MEMORY.
pub fn read_kernel(drive: u8, parameters: &Parameters, memory: &mut MemoryMap) -> &'static [u8] {
    let size = parameters.kernel_size;
    if size == 0 {
        stop!("no kernel is bound to this loader");
    }
    let sectors = size.div_ceil(SECTOR_SIZE);
    check_drive(drive, parameters.kernel_sector.saturating_add(sectors));
    let target = memory.take("file", size, MemoryKind::KernelImage);
    let mut done = 0;
    let mut most = BOUNCE_SECTORS;
    while done < sectors {
        let count = most.min(sectors - done);
        let first = parameters.kernel_sector + done;
        if let Err(status) = read_to_bounce(drive, first, count as u16) {
            // Some firmware reads fewer sectors at once than it should; with one it names the sector that is bad.
            if count == 1 {
                stop!("cannot read sector {first} of drive {:#04x}: BIOS error {status:#04x}", u64::from(drive));
            }
            most = count / 2;
            continue;
        }
        let bytes = (count * SECTOR_SIZE).min(size - done * SECTOR_SIZE);
        // SAFETY: `take` gave this memory to the file; BYTES are left of it, and the bounce buffer is elsewhere.
        unsafe {
            let to = (target + done * SECTOR_SIZE) as usize as *mut u8;
            core::ptr::copy_nonoverlapping(BOUNCE_ADDRESS as usize as *const u8, to, bytes as usize);
        }
        let before = done * SECTOR_SIZE / PROGRESS_STEP;
        done += count;
        let now = done * SECTOR_SIZE / PROGRESS_STEP;
        if now != before {
            console::show_progress(format_args!("Loading the kernel: {now} of {} MiB", size.div_ceil(PROGRESS_STEP)));
        }
    }
    // SAFETY: SIZE bytes, all written, that nothing else uses from here on.
    unsafe { core::slice::from_raw_parts(target as usize as *const u8, size as usize) }
}

/// Stops if the drive has no sectors of the right size, or fewer than END of them, as far as the BIOS knows.
fn check_drive(drive: u8, end: u64) {
    let mut registers = Registers { eax: GET_PARAMETERS, edx: drive.into(), ..Default::default() };
    registers.esi = lend(DriveParameters { size: DRIVE_PARAMETERS_SIZE, ..Default::default() });
    if !registers.call(DISK) {
        return; // not every firmware knows; a read will tell
    }
    let found: DriveParameters = take_back();
    if found.sector_size != 0 && u64::from(found.sector_size) != SECTOR_SIZE {
        let (drive, bytes) = (u64::from(drive), u64::from(found.sector_size));
        stop!("drive {drive:#04x} has sectors of {bytes} bytes; the loader reads sectors of {SECTOR_SIZE}");
    }
    let sectors = u64::from(found.sectors[0]) | u64::from(found.sectors[1]) << 32;
    if sectors != 0 && sectors < end {
        let drive = u64::from(drive);
        stop!("the disk is cut off: the kernel ends at sector {end}, drive {drive:#04x} has {sectors} sectors");
    }
}

/// Reads COUNT sectors from FIRST on; the BIOS status of the last of several tries if none succeeds.
fn read_to_bounce(drive: u8, first: u64, count: u16) -> Result<(), u64> {
    let mut status = 0;
    for _ in 0..TRIES {
        let packet = Packet {
            size: size_of::<Packet>() as u16,
            sectors: count,
            offset: (BOUNCE_ADDRESS & 0xf) as u16,
            segment: (BOUNCE_ADDRESS >> 4) as u16,
            first,
        };
        let mut read = Registers { eax: EXTENDED_READ, edx: drive.into(), esi: lend(packet), ..Default::default() };
        if read.call(DISK) {
            return Ok(());
        }
        status = read.status().into();
        Registers { eax: RESET, edx: drive.into(), ..Default::default() }.call(DISK);
    }
    Err(status)
}
