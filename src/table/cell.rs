//! A cell of a column to a JSON value.
//!
//! Numbers, text, truth values, lists and structures are what they are in JSON. Bytes are objects of one key (see
//! [`super::BYTES`]), dates and times are written as ISO 8601 does, durations are seconds, decimals and integers
//! beyond 64 bits are text with every digit. What JSON cannot say, NaN and infinity, is null, as is a missing cell.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use polars_arrow::array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, DictionaryArray, DictionaryKey, FixedSizeBinaryArray,
    FixedSizeListArray, Float16Array, ListArray, MapArray, PrimitiveArray, StructArray, Utf8Array, Utf8ViewArray,
};
use polars_arrow::datatypes::{ArrowDataType, IntegerType, TimeUnit};
use polars_arrow::types::NativeType;
use serde_json::{Map, Number, Value};

use super::bytes::value_of;

type Cell = Result<Value, String>;

/// The value in row `row` of a column.
///
/// # Errors
/// When the type of the column has no meaning here, or a date is out of range.
pub(super) fn cell(array: &dyn Array, row: usize) -> Cell {
    cell_as(array.dtype(), array, row)
}

fn cell_as(kind: &ArrowDataType, array: &dyn Array, row: usize) -> Cell {
    use ArrowDataType as T;
    if matches!(kind, T::Null) || array.validity().is_some_and(|valid| !valid.get_bit(row)) {
        return Ok(Value::Null);
    }
    Ok(match kind {
        T::Boolean => Value::Bool(of::<BooleanArray>(array)?.value(row)),
        T::Int8 => number::<i8>(array, row)?.into(),
        T::Int16 => number::<i16>(array, row)?.into(),
        T::Int32 => number::<i32>(array, row)?.into(),
        T::Int64 => number::<i64>(array, row)?.into(),
        T::UInt8 => number::<u8>(array, row)?.into(),
        T::UInt16 => number::<u16>(array, row)?.into(),
        T::UInt32 => number::<u32>(array, row)?.into(),
        T::UInt64 => number::<u64>(array, row)?.into(),
        T::Int128 => number::<i128>(array, row)?.to_string().into(),
        T::UInt128 => number::<u128>(array, row)?.to_string().into(),
        T::Float16 => single(of::<Float16Array>(array)?.value(row).into()),
        T::Float32 => single(number::<f32>(array, row)?),
        T::Float64 => float(number::<f64>(array, row)?),
        T::Utf8 => of::<Utf8Array<i32>>(array)?.value(row).into(),
        T::LargeUtf8 => of::<Utf8Array<i64>>(array)?.value(row).into(),
        T::Utf8View => of::<Utf8ViewArray>(array)?.value(row).into(),
        T::Binary => value_of(of::<BinaryArray<i32>>(array)?.value(row)),
        T::LargeBinary => value_of(of::<BinaryArray<i64>>(array)?.value(row)),
        T::BinaryView => value_of(of::<BinaryViewArray>(array)?.value(row)),
        T::FixedSizeBinary(_) => value_of(of::<FixedSizeBinaryArray>(array)?.value(row)),
        T::List(_) => list(&*of::<ListArray<i32>>(array)?.value(row))?,
        T::LargeList(_) => list(&*of::<ListArray<i64>>(array)?.value(row))?,
        T::FixedSizeList(..) => list(&*of::<FixedSizeListArray>(array)?.value(row))?,
        T::Struct(fields) => {
            let columns = of::<StructArray>(array)?.values();
            let cells = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| cell(&**column, row).map(|value| (field.name.to_string(), value)));
            Value::Object(cells.collect::<Result<_, _>>()?)
        }
        T::Map(..) => map(&*of::<MapArray>(array)?.value(row))?,
        T::Dictionary(keys, ..) => match keys {
            IntegerType::Int8 => chosen::<i8>(array, row)?,
            IntegerType::Int16 => chosen::<i16>(array, row)?,
            IntegerType::Int32 => chosen::<i32>(array, row)?,
            IntegerType::Int64 => chosen::<i64>(array, row)?,
            IntegerType::UInt8 => chosen::<u8>(array, row)?,
            IntegerType::UInt16 => chosen::<u16>(array, row)?,
            IntegerType::UInt32 => chosen::<u32>(array, row)?,
            IntegerType::UInt64 => chosen::<u64>(array, row)?,
            other @ (IntegerType::Int128 | IntegerType::UInt128) => return Err(unknown(other)),
        },
        T::Date32 => date(i64::from(number::<i32>(array, row)?))?,
        T::Date64 => date(number::<i64>(array, row)?.div_euclid(86_400_000))?,
        T::Timestamp(unit, zone) => instant(number::<i64>(array, row)?, *unit, zone.is_some())?,
        T::Time32(unit) => time(i64::from(number::<i32>(array, row)?), *unit)?,
        T::Time64(unit) => time(number::<i64>(array, row)?, *unit)?,
        T::Duration(unit) => float(number::<i64>(array, row)? as f64 * nanos(*unit) as f64 / 1e9),
        T::Decimal(_, scale) => decimal(number::<i128>(array, row)?, *scale).into(),
        T::Decimal32(_, scale) => decimal(i128::from(number::<i32>(array, row)?), *scale).into(),
        T::Decimal64(_, scale) => decimal(i128::from(number::<i64>(array, row)?), *scale).into(),
        T::Extension(extension) => cell_as(&extension.inner, array, row)?,
        other => return Err(unknown(other)),
    })
}

fn unknown(kind: &impl std::fmt::Debug) -> String {
    format!("columns of type {kind:?} cannot be read")
}

/// The array as what its type says it is.
fn of<T: 'static>(array: &dyn Array) -> Result<&T, String> {
    array.as_any().downcast_ref().ok_or_else(|| format!("a column is not of its type {:?}", array.dtype()))
}

fn number<T: NativeType>(array: &dyn Array, row: usize) -> Result<T, String> {
    Ok(of::<PrimitiveArray<T>>(array)?.value(row))
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The shortest decimal that stands for the number, not the digits that its binary form happens to have as a double.
fn single(value: f32) -> Value {
    value.to_string().parse().map_or(Value::Null, float)
}

fn list(items: &dyn Array) -> Cell {
    (0..items.len()).map(|index| cell(items, index)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// Keys that are text make an object, all others pairs.
fn map(entries: &dyn Array) -> Cell {
    let [keys, values] = of::<StructArray>(entries)?.values() else { return Err("a map has no pairs".to_owned()) };
    let mut pairs = Vec::with_capacity(entries.len());
    for index in 0..entries.len() {
        pairs.push((cell(&**keys, index)?, cell(&**values, index)?));
    }
    if pairs.iter().all(|(key, _)| key.is_string()) {
        let named = pairs.into_iter().map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), value));
        return Ok(Value::Object(named.collect::<Map<_, _>>()));
    }
    Ok(pairs.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect())
}

fn chosen<K: DictionaryKey>(array: &dyn Array, row: usize) -> Cell {
    let dictionary = of::<DictionaryArray<K>>(array)?;
    cell(&**dictionary.values(), dictionary.key_value(row))
}

fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn date(days: i64) -> Cell {
    let days = Span::new().try_days(days).map_err(|error| error.to_string())?;
    let date = Date::constant(1970, 1, 1).checked_add(days).map_err(|error| error.to_string())?;
    Ok(date.to_string().into())
}

/// An instant is told in UTC with its `Z`; a time that no zone was given for has none.
fn instant(value: i64, unit: TimeUnit, zoned: bool) -> Cell {
    let instant = Timestamp::from_nanosecond(i128::from(value) * i128::from(nanos(unit)));
    let instant = instant.map_err(|error| error.to_string())?;
    if zoned {
        return Ok(instant.to_string().into());
    }
    let local: DateTime = instant.to_zoned(TimeZone::UTC).datetime();
    Ok(local.to_string().into())
}

fn time(value: i64, unit: TimeUnit) -> Cell {
    let since = value.checked_mul(nanos(unit)).ok_or("a time is out of range")?;
    let since = Span::new().try_nanoseconds(since).map_err(|error| error.to_string())?;
    Ok(Time::midnight().checked_add(since).map_err(|error| error.to_string())?.to_string().into())
}

/// Every digit of a decimal whose last `scale` digits stand behind the point.
fn decimal(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for (value, scale, expected) in
            [(0, 0, "0"), (5, 2, "0.05"), (-5, 2, "-0.05"), (12345, 2, "123.45"), (-7, 0, "-7")]
        {
            assert_eq!(decimal(value, scale), expected);
        }
    }

    #[test]
    fn dates_and_times_are_written_as_iso_8601_does() {
        assert_eq!(date(19_782), Ok("2024-02-29".into()));
        assert_eq!(date(-1), Ok("1969-12-31".into()));
        assert_eq!(instant(1_500, TimeUnit::Millisecond, true), Ok("1970-01-01T00:00:01.5Z".into()));
        assert_eq!(instant(0, TimeUnit::Second, false), Ok("1970-01-01T00:00:00".into()));
        assert_eq!(time(3_661, TimeUnit::Second), Ok("01:01:01".into()));
        assert!(date(i64::MAX).is_err() && instant(i64::MAX, TimeUnit::Second, true).is_err());
    }

    #[test]
    fn single_floats_are_short_and_what_is_no_number_is_null() {
        assert_eq!(single(0.1), serde_json::json!(0.1));
        assert_eq!(single(f32::NAN), Value::Null);
        assert_eq!(float(f64::INFINITY), Value::Null);
    }
}
