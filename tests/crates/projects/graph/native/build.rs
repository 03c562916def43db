fn main() {
    helper::note_environment();
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/libnative_part.a"), "!<arch>\n").unwrap();
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=native_part");
    println!("cargo:rustc-flags=-L {out}/more -lmore");
    println!("cargo:root={out}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("ordinary words");
}
