//! Sends more than a megabyte.
#![no_std]
#![no_main]

#[path = "../common.rs"]
mod common;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    for number in 0..20_000 {
        say!("{number:5}: a line that is as long as one that somebody reads\n");
    }
    common::exit(common::SUCCESS)
}
