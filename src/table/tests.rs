//! Tests of every format, on files that are written here.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use polars_arrow::array::{
    Array, BinaryArray, BinaryViewArray, DictionaryArray, Int64Array, ListArray, PrimitiveArray, StructArray,
    Utf8Array, Utf8ViewArray,
};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field, TimeUnit};
use polars_arrow::io::ipc::write::{FileWriter, StreamWriter, WriteOptions};
use polars_arrow::offset::OffsetsBuffer;
use polars_arrow::record_batch::RecordBatchT;
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter as ParquetWriter, RowGroupIterator, StatisticsOptions, Version,
    WriteOptions as ParquetOptions,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::error::Exit;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
type Batch = RecordBatchT<Box<dyn Array>>;

fn written(name: &str, bytes: impl AsRef<[u8]>) -> TestResult<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

fn all(path: &Path) -> TestResult<Vec<Value>> {
    Ok(Rows::open(path)?.map(|row| row.map(Value::Object)).collect::<Result<_, _>>()?)
}

fn refusal(name: &str, bytes: &[u8]) -> TestResult<String> {
    let (_folder, path) = written(name, bytes)?;
    let failure = match Rows::open(&path) {
        Err(failure) => failure,
        Ok(mut rows) => {
            let failure = rows.find_map(Result::err).ok_or("accepted")?;
            assert!(rows.next().is_none(), "nothing comes after a failure");
            failure
        }
    };
    assert_eq!(failure.exit, Exit::Usage);
    Ok(failure.message.rsplit_once('/').ok_or("no path")?.1.to_owned())
}

fn texts(values: [Option<&str>; 2], views: bool) -> Box<dyn Array> {
    if views { Utf8ViewArray::from_slice(values).boxed() } else { Utf8Array::<i32>::from(values).boxed() }
}

fn binary(values: [Option<&[u8]>; 2], views: bool) -> Box<dyn Array> {
    if views { BinaryViewArray::from_slice(values).boxed() } else { BinaryArray::<i32>::from(values).boxed() }
}

/// A batch with a column of each kind that datasets on hubs have. Parquet is written from views.
fn batch(from: i64, views: bool) -> TestResult<(ArrowSchema, Batch)> {
    let valid = Some(Bitmap::from([true, false]));
    let text = texts([Some("é\n\"x\""), Some("")], views);
    let count = Int64Array::from([Some(from), None]).boxed();
    let items = texts([Some("a"), Some("b")], views);
    let item = Field::new("item".into(), items.dtype().clone(), true);
    let offsets = OffsetsBuffer::try_from(vec![0, 2, 2])?;
    let list = ListArray::<i32>::new(ArrowDataType::List(Box::new(item)), offsets, items, valid.clone()).boxed();
    let parts = vec![binary([Some(b"\xff\xd8\0"), None], views), texts([None, Some("a.jpg")], views)];
    let part = |(name, array): (&str, _)| Field::new(name.into(), Array::dtype(array).clone(), true);
    let fields = ["bytes", "path"].into_iter().zip(parts.iter().map(|part| &**part)).map(part).collect();
    let image = StructArray::new(ArrowDataType::Struct(fields), 2, parts, None);
    let at = PrimitiveArray::<i64>::from([Some(1_500), None]);
    let at = at.to(ArrowDataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))).boxed();
    let columns = [("text", text), ("count", count), ("list", list), ("image", image.boxed()), ("at", at)];
    let fields = columns.iter().map(|(name, array)| Field::new((*name).into(), array.dtype().clone(), true));
    let schema: ArrowSchema = fields.map(|field| (field.name.clone(), field)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok((schema.clone(), RecordBatchT::try_new(2, schema.into(), arrays)?))
}

fn expected(from: i64) -> Vec<Value> {
    vec![
        json!({"text": "é\n\"x\"", "count": from, "list": ["a", "b"],
            "image": {"bytes": {"$bytes": "/9gA"}, "path": null}, "at": "1970-01-01T00:00:01.5Z"}),
        json!({"text": "", "count": null, "list": null, "image": {"bytes": null, "path": "a.jpg"}, "at": null}),
    ]
}

fn arrow(path: &Path, footer: bool, batches: i64) -> TestResult {
    let (schema, _) = batch(0, false)?;
    let file = File::create(path)?;
    let options = WriteOptions { compression: None };
    if footer {
        let mut writer = FileWriter::new(file, schema.into(), None, options);
        writer.start()?;
        for from in 0..batches {
            writer.write(&batch(from, false)?.1, None)?;
        }
        writer.finish()?;
    } else {
        let mut writer = StreamWriter::new(file, options);
        writer.start(&schema, None)?;
        for from in 0..batches {
            writer.write(&batch(from, false)?.1, None)?;
        }
        writer.finish()?;
    }
    Ok(())
}

fn parquet(path: &Path, compression: CompressionOptions, batches: i64) -> TestResult {
    let (schema, _) = batch(0, true)?;
    let options = ParquetOptions {
        statistics: StatisticsOptions::empty(),
        compression,
        version: Version::V1,
        data_page_size: None,
    };
    let made: Vec<_> = (0..batches).map(|from| batch(from, true).map(|(_, batch)| batch)).collect::<Result<_, _>>()?;
    let leaves = |field: &Field| vec![Encoding::Plain; if field.name == "image" { 2 } else { 1 }];
    let encodings = schema.iter_values().map(leaves).collect();
    let groups = RowGroupIterator::try_new(made.into_iter().map(Ok), &schema, options, encodings)?;
    let mut writer = ParquetWriter::try_new(File::create(path)?, schema, options)?;
    for group in groups {
        writer.write(2, group?)?;
    }
    writer.end(None)?;
    Ok(())
}

#[test]
fn columns_of_every_kind_come_back_from_every_format() -> TestResult {
    let folder = tempfile::tempdir()?;
    let both: Vec<Value> = [expected(0), expected(1)].concat();
    for footer in [false, true] {
        let path = folder.path().join("data.arrow");
        arrow(&path, footer, 2)?;
        assert_eq!(all(&path)?, both, "footer {footer}");
    }
    for compression in [CompressionOptions::Uncompressed, CompressionOptions::Snappy, CompressionOptions::Zstd(None)] {
        let path = folder.path().join("data.parquet");
        parquet(&path, compression, 2)?;
        assert_eq!(all(&path)?, both, "{compression:?}");
    }
    Ok(())
}

#[test]
fn categories_are_what_they_stand_for() -> TestResult {
    let words = Utf8Array::<i32>::from_slice(["no", "yes"]).boxed();
    let keys = PrimitiveArray::<u8>::from([Some(1), None, Some(0)]);
    let column: DictionaryArray<u8> = DictionaryArray::try_from_keys(keys, words, false)?;
    let found: Vec<Value> = (0..3).map(|row| cell::cell(&column, row)).collect::<Result<_, _>>()?;
    assert_eq!(found, [json!("yes"), Value::Null, json!("no")]);
    Ok(())
}

#[test]
fn broken_columns_never_end_the_program() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("data");
    for kind in 0..3 {
        match kind {
            0 => parquet(&path, CompressionOptions::Snappy, 1)?,
            footer => arrow(&path, footer == 2, 1)?,
        }
        let whole = std::fs::read(&path)?;
        for length in (8..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length])?;
            // A stream may be cut between two batches; whatever is read, the program stands.
            let _ = all(&path);
        }
        for at in (4..whole.len()).step_by(3) {
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            std::fs::write(&path, &bent)?;
            let _ = all(&path);
        }
    }
    Ok(())
}

#[test]
fn text_formats_give_rows() -> TestResult {
    let objects = [json!({"a": 1, "b": "x"}), json!({"a": 2, "b": "y"})];
    for (name, bytes) in [
        ("a.jsonl", "\u{feff}{\"a\":1,\"b\":\"x\"}\r\n\n{\"a\":2,\"b\":\"y\"}"),
        ("a.json", " [ {\"a\":1,\"b\":\"x\"} ,\n{\"a\":2,\"b\":\"y\"} ]\n"),
        ("a.json", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n"),
        ("unnamed", "[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":\"y\"}]"),
    ] {
        let (_folder, path) = written(name, bytes)?;
        assert_eq!(all(&path)?, objects, "{name} {bytes}");
    }
    for (name, bytes, rows) in [
        ("a.json", "[]", json!([])),
        ("a.json", "", json!([])),
        ("a.json", "{\"data\": [1]}", json!([{"data": [1]}])),
        ("a.json", "[\"s\", [1]]", json!([{"value": "s"}, {"value": [1]}])),
        ("a.jsonl", "[1]\n7\n", json!([{"value": [1]}, {"value": 7}])),
        ("a.txt", "one\r\n\n two \n", json!([{"text": "one"}, {"text": " two "}])),
        ("a.csv", "q,A\n\"a, \"\"b\"\"\nc\",1\nd\n", json!([{"q": "a, \"b\"\nc", "A": "1"}, {"q": "d", "A": null}])),
        ("a.csv", ",q\n0,x\n", json!([{"column_1": "0", "q": "x"}])),
        ("a.csv", "q\n", json!([])),
        ("a.tsv", "q\ta\n\"x\ty\"\n", json!([{"q": "\"x", "a": "y\""}])),
    ] {
        let (_folder, path) = written(name, bytes)?;
        assert_eq!(Value::Array(all(&path)?), rows, "{name} {bytes}");
    }
    Ok(())
}

#[test]
fn blank_lines_are_counted_and_the_last_row_can_be_named() -> TestResult {
    let (_folder, path) = written("a.jsonl", "\n{}\n \n{}\n")?;
    let mut rows = Rows::open(&path)?;
    rows.next();
    assert!(rows.place().ends_with("a.jsonl: row 1"), "{}", rows.place());
    assert_eq!((rows.by_ref().count(), rows.blank_lines()), (1, 2));
    Ok(())
}

#[test]
fn gzip_is_looked_through() -> TestResult {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"a\":1}\n")?;
    let (_folder, path) = written("a.jsonl.gz", packed.finish()?)?;
    assert_eq!(all(&path)?, [json!({"a": 1})]);
    Ok(())
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() -> TestResult {
    for (name, bytes, message) in [
        ("a.jsonl", &b"{}\n{\"a\": \n"[..], "a.jsonl: line 2: column 6: not JSON: EOF while parsing a value"),
        ("a.txt", b"x\n\xff\n", "a.txt: line 2: byte 1 is not valid UTF-8"),
        ("a.json", b"[{\"a\":1} {}]", "a.json: row 1: neither ',' nor ']' follows it"),
        ("a.json", b"[{\"a\":1},", "a.json: row 1: the array does not end"),
        ("a.json", b"[{\"a\":1}] x", "a.json: something follows the array"),
        ("a.json", b"[{\"a\":}]", "a.json: row 1: not JSON: expected value"),
        ("a.json", b"[1]", "a.json: row 1: not a JSON object"),
        ("a.csv", b"a,b\n1,2,3\n", "a.csv: line 2: 3 cells under 2 names"),
        ("a.csv", b"a,a\n", "a.csv: line 1: the column \"a\" is there twice"),
        ("a.bin", b"x", "a.bin: no format of data that is known"),
        ("a.tar", b"x", "a.tar: byte 1: it ends inside a header"),
    ] {
        assert_eq!(refusal(name, bytes)?, message);
    }
    assert!(refusal("a.parquet", b"PAR1 and no more")?.starts_with("a.parquet: "));
    let failure = Rows::open(Path::new("/no/such/file.jsonl")).err().ok_or("accepted")?;
    assert_eq!(failure.exit, Exit::Files);
    Ok(())
}

#[test]
fn a_folder_is_read_file_by_file() -> TestResult {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, bytes: &str| {
        let path = folder.path().join(name);
        path.parent().map(std::fs::create_dir_all).transpose()?;
        std::fs::write(path, bytes)
    };
    write("b/2.jsonl", "{\"a\":3}\n")?;
    write("a.jsonl", "{\"a\":1}\n{\"a\":2}\n")?;
    write("dataset_info.json", "{}")?;
    write(".hidden.jsonl", "no")?;
    write("README.md", "no")?;
    assert_eq!(all(folder.path())?, [json!({"a": 1}), json!({"a": 2}), json!({"a": 3})]);
    write("c.csv", "a\n1\n")?;
    let failure = Rows::open(folder.path()).err().ok_or("accepted")?;
    assert!(failure.message.ends_with("the folder holds data of several formats"), "{failure}");
    let empty = tempfile::tempdir()?;
    assert!(Rows::open(empty.path()).is_err());
    Ok(())
}

#[test]
fn a_folder_of_save_to_disk_is_read_by_its_list() -> TestResult {
    let folder = tempfile::tempdir()?;
    arrow(&folder.path().join("data-00001-of-00002.arrow"), false, 1)?;
    arrow(&folder.path().join("cache-1.arrow"), false, 5)?;
    let state = |name: &str| {
        let state = json!({"_data_files": [{"filename": name}], "_format_type": null});
        std::fs::write(folder.path().join("state.json"), state.to_string())
    };
    state("data-00001-of-00002.arrow")?;
    assert_eq!(all(folder.path())?, expected(0));
    state("../data.arrow")?;
    assert!(Rows::open(folder.path()).is_err(), "a list leads out of its folder");
    Ok(())
}

#[test]
fn tables_without_names_get_those_that_are_known() -> TestResult {
    let names = ["question", "A", "B", "answer"].map(str::to_owned);
    let of = |text: &str| -> TestResult<(Vec<Value>, bool)> {
        let (_folder, path) = written("a.csv", text)?;
        let mut rows = Rows::open_as(&path, &names)?;
        let first = rows.next().transpose()?;
        let headless = rows.is_headless();
        let all: Result<Vec<_>, _> = first.map(Ok).into_iter().chain(rows).map(|row| row.map(Value::Object)).collect();
        Ok((all?, headless))
    };
    // An answer is a letter, and so are names of columns.
    let rows = json!([
        {"question": "Which?", "A": "0", "B": "4", "answer": "B"}, {"question": "And?", "A": "x", "B": "None", "answer": "A"}
    ]);
    assert_eq!(of("Which?,0,4,B\nAnd?,x,None,A\n")?, (rows.as_array().cloned().unwrap_or_default(), true));
    assert_eq!(of("Question,A\nWhich?,0\n")?, (vec![json!({"Question": "Which?", "A": "0"})], false));
    assert_eq!(of("")?, (Vec::new(), false));
    Ok(())
}

#[test]
fn public_files_give_the_rows_that_they_have() -> TestResult {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets");
    for (name, rows) in [
        ("alpaca_eval/outputs.json", 805),
        ("arc/parquet/ARC-Challenge/validation", 299),
        ("arc/saved_to_disk/ARC-Challenge/validation", 299),
        ("gsm8k/test.jsonl", 1121),
        ("arena_hard/arena-hard-v2.0/question.jsonl", 750),
        ("commonsense_qa/parquet/data/validation", 1221),
        ("truthfulqa/TruthfulQA.csv", 817),
        ("ifeval/parquet/data/train", 460),
        ("boolq/parquet/data/validation", 3270),
        ("cmmlu/data/dev/agronomy.csv", 5),
        ("humaneval/HumanEval.jsonl.gz", 139),
        ("bfcl/BFCL_v4_simple_python.json", 400),
    ] {
        let mut path = shared.join(name);
        let split = path.file_name().unwrap_or_default().to_owned();
        if !path.exists() && path.parent().is_some_and(Path::is_dir) {
            let begins =
                |file: &std::fs::DirEntry| file.file_name().to_string_lossy().starts_with(&*split.to_string_lossy());
            let parent = path.parent().ok_or("no folder")?.to_owned();
            path = std::fs::read_dir(parent)?.flatten().find(begins).ok_or(name)?.path();
        }
        if path.exists() {
            assert_eq!(Rows::open(&path)?.collect::<Result<Vec<_>, _>>()?.len(), rows, "{name}");
        }
    }
    Ok(())
}
