//! Shapes of SYNs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::LinkType,
    wire::{Frame, stack::Shape},
};

fuzz_target!(|bytes: &[u8]| {
    if let Some(shape) = Shape::read(&Frame::decode(LinkType::RAW_IP, bytes)) {
        assert!(shape.to_string().len() < 500);
    }
});
