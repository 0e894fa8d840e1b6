//! What consoles say of themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::ddp::answer;

fuzz_target!(|bytes: &[u8]| {
    let Some(console) = answer(bytes) else { return };
    assert!(!console.name.is_empty() && console.name.len() + console.make.len() < bytes.len());
    for text in [console.name, console.make] {
        assert!(!text.contains(&b'\n') && text.trim_ascii() == text);
        assert!(text.is_empty() || bytes.windows(text.len()).any(|part| part == text));
    }
    assert_eq!(console.rests, bytes.trim_ascii_start().starts_with(b"HTTP/1.1 620"));
});
