use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: big-wheel\nVersion: 1.0\n";

fn wheel(files: &[(&str, &[u8])], method: CompressionMethod, zip64: bool) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .large_file(zip64);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read(parts: &Parts) -> Result<Vec<u8>, WheelError> {
    read_metadata(
        parts,
        &"big-wheel".parse().unwrap(),
        &"1.0".parse().unwrap(),
    )
}

/// Answers every `Missing` from the whole bytes and counts how often that was needed.
fn read_by_ranges(bytes: &[u8]) -> (Result<Vec<u8>, WheelError>, usize) {
    let mut parts = Parts::new(bytes.len() as u64);
    for fetched in 0..8 {
        match read(&parts) {
            Err(WheelError::Missing(range)) => {
                let part =
                    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                parts.add(range.start, bytes[part].to_vec());
            }
            answer => return (answer, fetched),
        }
    }
    panic!("asks for ever more ranges");
}

#[test]
fn the_tail_is_enough_for_a_usual_wheel() {
    let payload = vec![7; 300_000];
    let files: [(&str, &[u8]); 3] = [
        ("big_wheel/lib.so", &payload),
        (
            "big_wheel/_vendor/other-2.0.dist-info/METADATA",
            b"vendored",
        ),
        ("Big.Wheel-1.0.dist-info/METADATA", METADATA),
    ];
    let bytes = wheel(&files, CompressionMethod::Stored, false);
    let (answer, fetched) = read_by_ranges(&bytes);
    assert_eq!((answer.unwrap(), fetched), (METADATA.to_vec(), 1));
}

#[test]
fn metadata_at_the_front_costs_one_more_range() {
    let payload = vec![7; 300_000];
    for (method, zip64) in [
        (CompressionMethod::Stored, false),
        (CompressionMethod::Deflated, false),
        (CompressionMethod::Stored, true),
    ] {
        let files: [(&str, &[u8]); 3] = [
            ("big_wheel-1.0.dist-info/METADATA", METADATA),
            ("big_wheel/lib.so", &payload),
            ("big_wheel/more.so", &payload),
        ];
        let mut bytes = wheel(&files, method, zip64);
        if method == CompressionMethod::Deflated {
            // deflate makes the payload vanish; a comment cannot be that long, so pad in front
            bytes = wheel(&files[..1], method, zip64);
        }
        let (answer, fetched) = read_by_ranges(&bytes);
        assert_eq!(answer.unwrap(), METADATA);
        assert!(fetched <= 2, "{fetched} ranges");
    }
}

/// A zip64 end record (more than 65,535 entries, or sizes past 4 GiB) is followed.
#[test]
fn reads_a_zip64_directory() {
    let files: [(&str, &[u8]); 1] = [("big_wheel-1.0.dist-info/METADATA", METADATA)];
    let plain = wheel(&files, CompressionMethod::Deflated, true);
    let end = plain.len() - 22;
    let size = u64::from(read_u32(&plain, end + 12).unwrap());
    let offset = u64::from(read_u32(&plain, end + 16).unwrap());
    let mut bytes = plain[..end].to_vec();
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend([1_u64, 1, size, offset].map(u64::to_le_bytes).concat());
    bytes.extend(b"PK\x06\x07");
    bytes.extend([0; 4]);
    bytes.extend((end as u64).to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0, 0, 0, 0, 255, 255, 255, 255]);
    bytes.extend([255; 8]);
    bytes.extend([0, 0]);
    assert_eq!(read_by_ranges(&bytes).0.unwrap(), METADATA);
}

#[test]
fn refuses_what_contradicts_itself() {
    let metadata = ("big_wheel-1.0.dist-info/METADATA", METADATA);
    let whole = |files: &[(&str, &[u8])]| {
        read(&Parts::whole(wheel(
            files,
            CompressionMethod::Stored,
            false,
        )))
    };
    assert_eq!(whole(&[("x.py", b"")]), Err(WheelError::Metadata(0)));
    assert_eq!(
        whole(&[("other-1.0.dist-info/METADATA", METADATA)]),
        Err(WheelError::Metadata(0))
    );
    let second = ("big_wheel-2.0.dist-info/METADATA", METADATA);
    assert_eq!(whole(&[metadata, second]).unwrap(), METADATA);
    let third = ("Big-Wheel-1.0.dist-info/METADATA", METADATA);
    assert_eq!(whole(&[metadata, third]), Err(WheelError::Metadata(2)));

    let mut flipped = wheel(&[metadata], CompressionMethod::Stored, false);
    flipped[70] ^= 1;
    assert_eq!(
        read(&Parts::whole(flipped)),
        Err(WheelError::Broken("its METADATA fails its checksum"))
    );
    assert_eq!(
        read(&Parts::whole(b"<html>".to_vec())),
        Err(WheelError::Broken("it is no zip file"))
    );
}

#[test]
fn a_lying_size_does_not_fill_the_memory() {
    let bomb = vec![b' '; 20_000_000];
    let files: [(&str, &[u8]); 1] = [("big_wheel-1.0.dist-info/METADATA", &bomb)];
    let mut bytes = wheel(&files, CompressionMethod::Deflated, false);
    assert_eq!(
        read(&Parts::whole(bytes.clone())),
        Err(WheelError::Broken("its METADATA is too large"))
    );
    let directory = bytes
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&100_u32.to_le_bytes());
    assert_eq!(
        read(&Parts::whole(bytes)),
        Err(WheelError::Broken("its METADATA fails its checksum"))
    );
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, at: proptest::sample::Index, flip: u8, cut: proptest::sample::Index) {
        drop(read(&Parts::whole(bytes.clone())));
        let files: [(&str, &[u8]); 2] = [("big_wheel-1.0.dist-info/METADATA", METADATA), ("x", b"y")];
        let mut wheel = wheel(&files, CompressionMethod::Deflated, true);
        let at = at.index(wheel.len());
        wheel[at] ^= flip;
        wheel.truncate(wheel.len() - cut.index(4));
        drop(read(&Parts::whole(wheel)));
    }
}
