"""Rust for the kernel that `generated.py` writes: modules of about 400 lines, the same every time.

The kernel's own modules keep the compiler as busy as real ones do. In nine public kernels, of 1,000 to 394,000 lines
without blank ones and comments, a thousand lines have 8 to 51 derived traits, 48 to 91 functions, 6 to 23 types, 4 to 17
closures, 5 to 20 iterator adapters and 39 to 91 macro calls. The largest whose library was compiled by itself (19,300
lines, `dev`) took 0.36 s of a processor for a thousand of them; these take 0.3.
"""

from __future__ import annotations

DEVICES = 3  # of a module
STATES = 19  # of a crate

_DEVICE = """\
const BASE_{n}: u16 = 0x{base:x};
const RETRIES_{n}: u32 = {retries};

/// What device {n} of `{name}` is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase{n} {{
    Idle,
    Waiting(u32),
    Broken(u8),
}}

/// Device {n} of `{name}`: a ring of words and the registers that speak of it.
pub struct Device{n} {{
    phase: Phase{n},
    ring: Ring<u16, {size}>,
    control: u16,
    lost: u32,
}}

impl Device{n} {{
    pub const fn new() -> Self {{
        Self {{ phase: Phase{n}::Idle, ring: Ring::new(0), control: BASE_{n}, lost: 0 }}
    }}

    /// Bring it to a known state.
    pub fn reset(&mut self, seed: u64) -> Result<(), &'static str> {{
        debug_assert!(self.ring.count() < self.ring.size(), "device {n} has {{}} words", self.ring.count());
        if let Phase{n}::Broken(code) = self.phase {{
            self.lost += u32::from(code);
            log!("{name} {n}: reset after {{:#04x}}, {{}} lost", code, self.lost);
            return Err("{name}: device {n} is broken");
        }}
        while let Some(word) = self.ring.pop() {{
            self.lost += u32::from(word != 0);
        }}
        self.control = (seed as u16 & 0x7fff) | 0x{mask:x};
        let mut left = RETRIES_{n};
        while self.read(0) & 0x8000 != 0 {{
            left -= 1;
            if left == 0 {{
                self.phase = Phase{n}::Broken({n});
                log!("{name} {n}: no answer after {{}} reads: {{:#06x}}", RETRIES_{n}, self.read(0));
                return Err("{name}: device {n} does not answer");
            }}
        }}
        self.phase = Phase{n}::Waiting(left);
        log!("{name} {n}: {{:?}}, control {{:#06x}}", self.phase, self.control);
        Ok(())
    }}

    /// The register at OFFSET.
    fn read(&self, offset: u16) -> u16 {{
        match offset {{
            0 => unsafe {{ core::ptr::read_volatile(&self.control) }},
            2 => self.ring.count() as u16,
            4 => self.ring.size() as u16,
            6 => (self.lost >> 16) as u16,
            8 => self.lost as u16,
            _ => 0xffff,
        }}
    }}

    /// Write VALUE to the register at OFFSET.
    fn write(&mut self, offset: u16, value: u16) {{
        match offset {{
            0 => unsafe {{ core::ptr::write_volatile(&mut self.control, value) }},
            2 => {{
                for _ in 0..value {{
                    self.lost ^= self.ring.pop().map_or(0, u32::from);
                }}
            }}
            6 | 8 => self.lost = 0,
            _ => debug_assert!(value == 0, "{name}: register {{}} of device {n}", offset),
        }}
    }}

    /// Put WORD into the ring; whether there was room.
    pub fn push(&mut self, word: u16) -> bool {{
        let put = self.ring.push(word.rotate_left({turn}));
        if let Err(word) = put {{
            self.lost += 1;
            log!("{name} {n}: no room for {{:#06x}} beside {{}}", word, self.ring.count());
        }}
        put.is_ok()
    }}

    /// What an interrupt with STATUS asks for.
    pub fn interrupt(&mut self, status: u8) -> usize {{
        let mut done = 0;
        if status & 1 != 0 && self.push(u16::from(status) << 4) {{
            done += 1;
        }}
        if status & 2 != 0 {{
            let control = self.read(0);
            self.write(0, control & !0x10);
            done += 1;
        }}
        if status & 4 != 0 {{
            log!("{name} {n}: forgets {{}} lost words", self.lost);
            self.write(6, 0);
        }}
        self.phase = match (self.phase, status & 0xc0) {{
            (Phase{n}::Idle, 0x40) => Phase{n}::Waiting(RETRIES_{n}),
            (Phase{n}::Waiting(left), 0x80) if left > 1 => Phase{n}::Waiting(left - 1),
            (Phase{n}::Waiting(_), 0x80) => Phase{n}::Idle,
            (_, 0xc0) => {{
                log!("{name} {n}: broken, status {{:#010b}}, was {{:?}}", status, self.phase);
                Phase{n}::Broken(status)
            }}
            (phase, _) => phase,
        }};
        done
    }}

    /// A line about it, for the log.
    pub fn describe(&self, line: &mut dyn fmt::Write) -> fmt::Result {{
        write!(line, "{name} {n} at {{:#x}}: {{:?}}, ", BASE_{n}, self.phase)?;
        let used = self.ring.words().filter(|word| **word != 0).count();
        let highest = self.ring.words().max().copied().unwrap_or(0);
        writeln!(line, "{{}} of {{}} words up to {{:#06x}}, {{}} lost", used, self.ring.size(), highest, self.lost)
    }}
}}

fn run_{n}(seed: u64, line: &mut Count) -> u64 {{
    let mut device = Device{n}::new();
    if let Err(why) = device.reset(seed) {{
        log!("{{}}: {{:?}}", why, device.phase);
    }}
    let mut status = seed as u8;
    let mut sum = 0;
    for _ in 0..RETRIES_{n} {{
        sum += device.interrupt(status) as u64;
        status = status.wrapping_mul({odd}).wrapping_add(1);
    }}
    if device.describe(line).is_err() {{
        sum = 0;
    }}
    sum
}}
"""

_MODULE = """\
//! {name}: devices and what they are asked to do.

use core::fmt;

use crate::{{Ring, log}};

/// Counts what is written to it.
struct Count(u64);

impl fmt::Write for Count {{
    fn write_str(&mut self, text: &str) -> fmt::Result {{
        self.0 += text.len() as u64;
        Ok(())
    }}
}}

{devices}
/// Every device once.
pub fn run(seed: u64) -> u64 {{
    let mut line = Count(0);
    let mut sum = 0;
{calls}
    sum + line.0
}}
"""

_STATE = """\
/// State {n} of `{name}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State{n} {{
    pub count: u64,
    pub flags: [u32; {size}],
}}

impl State{n} {{
    pub const fn new(seed: u64) -> Self {{
        Self {{ count: seed.wrapping_mul({odd}), flags: [seed as u32; {size}] }}
    }}

    pub fn step(&mut self, input: u64) -> Option<u64> {{
        let place = (input as usize) % self.flags.len();
        self.flags[place] = self.flags[place].rotate_left({turn}) ^ (input as u32);
        self.count = self.count.checked_add(input & 0xff)?;
        self.flags.iter().map(|flag| u64::from(*flag)).max().map(|most| most ^ self.count)
    }}
}}
"""


def devices(name: str, seed: int) -> str:
    """A module of the kernel NAME, with drivers as a kernel has them."""
    each = [
        _DEVICE.format(name=name, n=n, base=0x100 + 8 * (seed * DEVICES + n), retries=3 + n, mask=1 << (seed + n) % 15,
                       size=16 + seed * DEVICES + n, turn=1 + n % 15, odd=2 * (seed + n) % 256 + 1)
        for n in range(DEVICES)
    ]  # fmt: skip
    calls = "\n".join(f"    sum += run_{n}(seed, &mut line);" for n in range(DEVICES))
    return _MODULE.format(name=name, devices="\n".join(each), calls=calls)


def states(name: str, seed: int) -> str:
    """The source of the crate NAME, mostly derived traits and iterators as a library of types has them."""
    each = [
        _STATE.format(name=name, n=n, size=2 + (seed + n) % 7, odd=2 * (seed * STATES + n) + 1, turn=1 + n % 30)
        for n in range(STATES)
    ]
    steps = "".join(f"    sum ^= State{n}::new(seed).step(sum).unwrap_or({n});\n" for n in range(STATES))
    run = f"/// Every state once.\npub fn run(seed: u64) -> u64 {{\n    let mut sum = seed | 1;\n{steps}    sum\n}}\n"
    return "\n".join([f"//! {name}: states and their steps.", *each, run])
