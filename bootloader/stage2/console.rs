//! Text on the VGA screen and on COM1. The serial port was set up by the real-mode part.

use crate::global::Global;
use crate::ports;
use core::fmt::{self, Write};
use layout::{COM1_PORT, TEXT_COLUMNS, TEXT_ROWS, TEXT_SCREEN_ADDRESS};

const NORMAL: u16 = 0x0700; // light grey on black
const ALARM: u16 = 0x4f00; // white on red
const FAULT_ROWS: usize = 5;

/// A text to be shown without padding: formatting `&str` itself costs 1.5 KiB of code.
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

struct Console {
    row: usize,
    column: usize,
    alarm: bool,
    screen_only: bool,
}

static CONSOLE: Global<Console> = Global::new(Console { row: 0, column: 0, alarm: false, screen_only: false });

/// Says why the loader cannot go on, in one sentence with the numbers a person needs, and halts. Numbers are given as
/// `u64` or `usize`: formatting each further type costs 300 bytes of code.
macro_rules! stop {
    ($($what:tt)*) => { $crate::console::say_and_halt(format_args!($($what)*)) };
}

pub fn say_and_halt(what: fmt::Arguments) -> ! {
    print(format_args!("osimage: {what}\n"));
    halt()
}

/// Makes room at the bottom of the screen, over whatever is there, for what went wrong in the kernel.
pub fn begin_alarm() {
    // SAFETY: the only reference, dropped at the end of this function.
    let console = unsafe { &mut *CONSOLE.get() };
    console.alarm = true;
    console.row = TEXT_ROWS as usize - FAULT_ROWS;
    console.column = 0;
    console.clear_rows(console.row, TEXT_ROWS as usize);
}

pub fn print(what: fmt::Arguments) {
    // SAFETY: the only reference: `what` does not print.
    let _ = unsafe { &mut *CONSOLE.get() }.write_fmt(what);
}

/// Writes WHAT over the screen's first line, and nowhere else.
pub fn show_progress(what: fmt::Arguments) {
    // SAFETY: as for `print`.
    let console = unsafe { &mut *CONSOLE.get() };
    (console.row, console.column, console.screen_only) = (0, 0, true);
    let _ = console.write_fmt(what);
    (console.column, console.screen_only) = (0, false);
}

pub fn clear() {
    // SAFETY: as for `print`.
    unsafe { &mut *CONSOLE.get() }.clear_rows(0, TEXT_ROWS as usize);
}

pub fn halt() -> ! {
    loop {
        // SAFETY: stops the processor, with interrupts off; only a non-maskable one ends it, and comes back here.
        unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

impl Console {
    fn colour(&self) -> u16 {
        if self.alarm { ALARM } else { NORMAL }
    }

    fn clear_rows(&mut self, first: usize, end: usize) {
        for row in first..end {
            for column in 0..TEXT_COLUMNS as usize {
                put(row, column, self.colour() | u16::from(b' '));
            }
        }
    }

    fn new_line(&mut self) {
        self.column = 0;
        self.row += 1;
        if self.row == TEXT_ROWS as usize {
            self.row -= 1;
            for row in 0..self.row {
                for column in 0..TEXT_COLUMNS as usize {
                    put(row, column, get(row + 1, column));
                }
            }
            self.clear_rows(self.row, self.row + 1);
        }
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if !self.screen_only {
                if byte == b'\n' {
                    send(b'\r');
                }
                send(byte);
            }
            if byte != b'\n' {
                put(self.row, self.column, self.colour() | u16::from(byte));
                self.column += 1;
            }
            if byte == b'\n' || self.column == TEXT_COLUMNS as usize {
                self.new_line();
            }
        }
        Ok(())
    }
}

fn cell(row: usize, column: usize) -> *mut u16 {
    (TEXT_SCREEN_ADDRESS as usize as *mut u16).wrapping_add(row * TEXT_COLUMNS as usize + column)
}

fn put(row: usize, column: usize, value: u16) {
    // SAFETY: the text screen is mapped, writable, while the loader and its exception handlers run.
    unsafe { cell(row, column).write_volatile(value) }
}

fn get(row: usize, column: usize) -> u16 {
    // SAFETY: as for `put`.
    unsafe { cell(row, column).read_volatile() }
}

fn send(byte: u8) {
    const STATUS: u16 = COM1_PORT as u16 + 5;
    // Bounded: where there is no port nobody gets ready.
    for _ in 0..100_000 {
        if ports::read(STATUS) & 0x20 != 0 {
            break;
        }
    }
    ports::write(COM1_PORT as u16, byte);
}
