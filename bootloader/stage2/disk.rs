//! Reads the kernel's file from the boot drive: large BIOS reads into low memory, each copied to its place.

use crate::bios::{Registers, lend, take_back};
use crate::console;
use crate::memory::MemoryMap;
use crate::parameters::Parameters;
use layout::{BOUNCE_ADDRESS, BOUNCE_SECTORS, KERNEL_IMAGE_ADDRESS, SECTOR_SIZE};
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

/// A drive as the BIOS knows it.
struct Drive {
    number: u8,
    /// Zero where the BIOS does not say.
    sectors: u64,
}

/// The kernel's ELF file, in frames taken from MEMORY.
pub fn read_kernel(drive: u8, parameters: &Parameters, memory: &mut MemoryMap) -> &'static [u8] {
    let size = parameters.kernel_size;
    if size == 0 {
        stop!("no kernel is bound to this loader");
    }
    let drive = Drive::ask(drive);
    let sectors = size.div_ceil(SECTOR_SIZE);
    let as_expected = match parameters.bootloader_09 {
        Some(_) => memory.take_at(KERNEL_IMAGE_ADDRESS, size, MemoryKind::KernelImage),
        None => None,
    };
    let target = as_expected.unwrap_or_else(|| memory.take("file", size, MemoryKind::KernelImage));
    let mut done = 0;
    let mut most = BOUNCE_SECTORS;
    while done < sectors {
        let count = most.min(sectors - done);
        let first = parameters.kernel_sector.wrapping_add(done);
        if let Err(status) = drive.read_to_bounce(first, count as u16) {
            // Some firmware reads fewer sectors at once than it should; with one it names the sector that is bad.
            if count == 1 {
                drive.tell_bad_sector(first, status);
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

impl Drive {
    /// What the BIOS says of drive NUMBER; sectors of another size would overflow the bounce buffer.
    fn ask(number: u8) -> Drive {
        let mut query = Registers { eax: GET_PARAMETERS, edx: number.into(), ..Default::default() };
        query.esi = lend(DriveParameters { size: DRIVE_PARAMETERS_SIZE, ..Default::default() });
        if !query.call(DISK) {
            return Drive { number, sectors: 0 };
        }
        let found: DriveParameters = take_back();
        let (drive, bytes) = (u64::from(number), u64::from(found.sector_size));
        if bytes != 0 && bytes != SECTOR_SIZE {
            stop!("drive {drive:#04x} has sectors of {bytes} bytes; the loader reads sectors of {SECTOR_SIZE}");
        }
        Drive { number, sectors: u64::from(found.sectors[0]) | u64::from(found.sectors[1]) << 32 }
    }

    /// Reads COUNT sectors from FIRST on; the BIOS status of the last of several tries if none succeeds.
    fn read_to_bounce(&self, first: u64, count: u16) -> Result<(), u64> {
        let edx = self.number.into();
        let mut status = 0;
        for _ in 0..TRIES {
            let packet = Packet {
                size: size_of::<Packet>() as u16,
                sectors: count,
                offset: (BOUNCE_ADDRESS & 0xf) as u16,
                segment: (BOUNCE_ADDRESS >> 4) as u16,
                first,
            };
            let mut read = Registers { eax: EXTENDED_READ, edx, esi: lend(packet), ..Default::default() };
            if read.call(DISK) {
                return Ok(());
            }
            status = read.status().into();
            Registers { eax: RESET, edx, ..Default::default() }.call(DISK);
        }
        Err(status)
    }

    fn tell_bad_sector(&self, sector: u64, status: u64) -> ! {
        let (drive, sectors) = (u64::from(self.number), self.sectors);
        if sectors != 0 && sectors <= sector {
            stop!(
                "the disk is cut off: the kernel goes on at sector {sector}, drive {drive:#04x} has {sectors} sectors"
            );
        }
        stop!("cannot read sector {sector} of drive {drive:#04x}: BIOS error {status:#04x}");
    }
}
