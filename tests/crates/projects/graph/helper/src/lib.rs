//! What the build scripts have in common.

/// Writes down the environment, for those who compare it.
pub fn note_environment() {
    let variables = std::env::vars().map(|(name, value)| format!("{name}={value}"));
    let text = variables.collect::<Vec<_>>().join("\0");
    std::fs::write(format!("{}/environment", std::env::var("OUT_DIR").unwrap()), text).unwrap();
}
