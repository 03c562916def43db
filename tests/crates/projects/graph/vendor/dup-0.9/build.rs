fn main() {
    println!("cargo:rustc-cfg=old");
    println!("cargo:key-of-its-own=value of its own");
}
