fn main() {
    helper::note_environment();
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/tables.rs"), "pub const TABLE: u8 = 7;\n").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BOARD_REVISION");
    println!("cargo::rustc-check-cfg=cfg(board, values(\"pc\"))");
    println!("cargo::rustc-cfg=board=\"pc\"");
    println!("cargo::rustc-env=TABLES={out}/tables.rs");
    println!("cargo::rustc-link-arg=-znorelro");
    println!("cargo::rustc-link-arg-bins=-Map={out}/kernel.map");
    println!("cargo::rustc-link-arg-bin=kernel=-Tkernel/layout.ld");
    println!("cargo::rustc-link-arg-tests=-zmax-page-size=4096");
    println!("cargo::rustc-link-search={out}");
    println!("cargo::warning=a warning");
}
