//! Cards over the files that authors and hubs publish, where they lie beside the project: every record is read, and what is
//! right scores 1, also through the program.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evalscope::error::Failure;
use evalscope::eval::benchmark::Benchmark;
use evalscope::eval::conduct::Evaluation;
use evalscope::eval::method::{Case, Reply as Said};
use evalscope::eval::sample::Sample;
use evalscope::eval::subject;
use evalscope::eval::task::Task;
use serde_json::{Value, json};

use crate::cards::{chatted, words};
use crate::eval::{read, saying};
use crate::support::{Server, eval};

/// A perfect and a hopeless reply, and the place of the sample, by what is asked.
type Replies = HashMap<String, (Said, Said, usize)>;

/// A card over a file or folder.
struct Set {
    card: &'static str,
    /// Its data, below the folder of public files.
    path: &'static str,
    /// Keys of `--dataset-args` beside the path.
    args: Value,
    /// How many records there are.
    records: usize,
}

fn set(card: &'static str, path: &'static str, args: Value, records: usize) -> Set {
    Set { card, path, args, records }
}

/// What is there, an edition of a card at most once in each list: the program is run once over each.
fn sets() -> [Vec<Set>; 3] {
    let none = || json!({});
    let dev = |subsets: &[&str]| json!({"eval_split": "validation", "subset_list": subsets});
    let arc = ["ARC-Easy", "ARC-Challenge"];
    [
        vec![
            set("mmlu", "mmlu/data", none(), 12_359),
            set("cmmlu", "cmmlu/data", json!({"few_shot_num": 5}), 11_582),
            set("arc", "arc/jsonl", dev(&arc), 869),
            set("hellaswag", "hellaswag/rebuilt/hellaswag_val.jsonl", none(), 850),
            set("winogrande", "winogrande/jsonl", none(), 1267),
            set("piqa", "piqa", none(), 1838),
            set("commonsense_qa", "commonsense_qa", none(), 1221),
            set("boolq", "boolq", none(), 3270),
            set("truthful_qa", "truthfulqa", none(), 817),
            set("gsm8k", "gsm8k", none(), 1121),
            set("mgsm", "mgsm", json!({"few_shot_num": 0}), 2750),
            set("math_500", "math500", none(), 500),
            set("ifeval", "ifeval/input_data.jsonl", none(), 460),
            set("bbh", "bbh", none(), 6511),
            set("bfcl_v4", "bfcl", none(), 3641),
            set("stsb", "stsb", none(), 375),
            set("general_mcq", "custom_samples/evalscope/text/mcq", json!({"subset_list": ["example"]}), 12),
            set("general_qa", "custom_samples/evalscope/text/qa", json!({"subset_list": ["example", "test"]}), 19),
            set("general_fc", "custom_samples/evalscope/text/fc", json!({"subset_list": ["example"]}), 3),
        ],
        vec![
            set("mmlu", "mmlu/parquet", none(), 12_359),
            set("arc", "arc/parquet", dev(&arc), 869),
            set("hellaswag", "hellaswag/parquet", none(), 850),
            set("winogrande", "winogrande/parquet", none(), 1267),
            set("gsm8k", "gsm8k/parquet", none(), 1121),
            set("ifeval", "ifeval/parquet", none(), 460),
            set("truthful_qa", "truthfulqa", json!({"extra_params": {"multiple_correct": true}}), 817),
            set(
                "general_mcq",
                "custom_samples/evalscope/text/mcq",
                json!({"subset_list": ["example_multi"], "extra_params": {"multiple_correct": true}}),
                10,
            ),
        ],
        vec![
            set("arc", "arc/saved_to_disk/ARC-Challenge/validation", dev(&arc[1..]), 299),
            set("hellaswag", "hellaswag", none(), 850),
            set("gsm8k", "gsm8k/test.jsonl", json!({"few_shot_num": 0}), 1121),
            set("commonsense_qa", "commonsense_qa/parquet/data", none(), 1221),
        ],
    ]
}

/// The path of public data; none where it is not there, which is told.
#[expect(clippy::print_stdout, reason = "who runs the tests sees what was left out")]
fn public(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets").join(path);
    if full.exists() {
        return full.canonicalize().ok();
    }
    println!("skipped: {} is not there", full.display());
    None
}

/// The task that asks a card over its data.
fn task(set: &Set, data: &Path) -> Task {
    let mut args = set.args.clone();
    args["local_path"] = json!(data);
    let args = json!({set.card: args});
    Task {
        datasets: Some(vec![set.card.to_owned()]),
        dataset_args: Some(serde_json::from_value(args).unwrap()),
        ..Task::default()
    }
}

fn prepared(task: &Task) -> Result<Evaluation, Failure> {
    let cache = tempfile::tempdir().unwrap();
    let plan = subject::plan(task, &task.generation()).unwrap();
    Evaluation::prepare(task, plan, cache.path(), &mut |_| Err(Failure::usage("nothing is fetched")))
}

fn loaded(set: &Set, data: &Path) -> Evaluation {
    prepared(&task(set, data)).unwrap_or_else(|failure| panic!("{} over {}: {failure}", set.card, set.path))
}

/// The value that stands for a sample.
fn value(benchmark: &Benchmark, sample: &Sample, said: &Said) -> Option<f64> {
    let report = &benchmark.card().report;
    let primary = report.primary.as_ref().or(report.metrics.first()).unwrap();
    let marks = benchmark.method(sample).judge(&Case { sample, reply: said });
    marks.get(primary).or_else(|| marks.values.first().map(|(_, value)| *value))
}

/// Records whose published answer no reply can hit: where options are letters it is none, or the call lacks what the function
/// wants and has what it does not know.
const PUBLISHED_FAULTS: [(&str, &str, usize); 5] = [
    ("bbh", "ruin_names", 99),
    ("bbh", "ruin_names", 144),
    ("bbh", "movie_recommendation", 163),
    ("bfcl_v4", "live_multiple", 862),
    ("bfcl_v4", "live_multiple", 964),
];

/// Cards whose perfect replies are known for the records of their samples alone.
const OF_SAMPLES: [&str; 2] = ["general_fc", "ifeval"];

#[test]
#[expect(clippy::print_stdout, reason = "who runs the tests sees what was read")]
fn every_record_is_read_and_what_is_right_scores_one() {
    let mut all = Vec::new();
    for set in sets().iter().flatten() {
        let Some(data) = public(set.path) else { continue };
        let evaluation = match prepared(&task(set, &data)) {
            Ok(evaluation) => evaluation,
            Err(failure) => {
                all.push(format!("{} over {}: {failure}", set.card, set.path));
                continue;
            }
        };
        let (mut samples, mut right, mut wrong, mut faults) = (0, 0, 0, Vec::new());
        // The figure of STS-B is an error.
        let (best, worst) = if set.card == PROBABILITIES { (0.0, None) } else { (1.0, Some(0.0)) };
        for (benchmark, sample) in evaluation.samples() {
            samples += 1;
            let method = benchmark.method(sample);
            for (reply, wanted, count) in
                [(method.right(sample), Some(best), &mut right), (method.wrong(sample), worst, &mut wrong)]
            {
                let Some(reply) = reply.filter(|_| !OF_SAMPLES.contains(&set.card)) else { continue };
                let found = value(benchmark, sample, &reply);
                *count += 1;
                let at_fault = PUBLISHED_FAULTS.contains(&(set.card, sample.subset.as_str(), sample.index));
                if !at_fault && wanted.is_some_and(|wanted| found.is_none_or(|found| (found - wanted).abs() > 1e-6)) {
                    faults.push(format!(
                        "{} {}: {found:?} for {:?} of {}",
                        sample.subset, sample.index, reply.text, sample.target
                    ));
                }
            }
        }
        println!("{} over {}: {samples} records, {right} right, {wrong} wrong", set.card, set.path);
        if samples != set.records {
            all.push(format!("{} over {}: {samples} records, not {}", set.card, set.path, set.records));
        }
        if !faults.is_empty() {
            let first = &faults[..faults.len().min(5)];
            all.push(format!("{} over {}: {} faults, such as {first:#?}", set.card, set.path, faults.len()));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Perfect and hopeless replies to the first records of each subset.
fn replies(sets: &[(&Set, PathBuf)], limit: u64) -> (Replies, BTreeMap<&'static str, f64>) {
    let (mut known, mut halves) = (HashMap::new(), BTreeMap::new());
    for (set, data) in sets {
        let limit = serde_json::from_value(json!(limit)).unwrap();
        let evaluation = prepared(&Task { limit: Some(limit), ..task(set, data) }).unwrap();
        let (mut even, mut all) = (0, 0);
        for (benchmark, sample) in evaluation.samples() {
            let method = benchmark.method(sample);
            all += 1;
            even += usize::from(sample.index % 2 == 0);
            if let (Some(right), Some(wrong)) = (method.right(sample), method.wrong(sample)) {
                known.insert(words(&json!(sample.messages)), (right, wrong, sample.index));
            }
        }
        halves.insert(set.card, even as f64 / all as f64);
    }
    (known, halves)
}

/// A benchmark that is for services which answer with probabilities.
const PROBABILITIES: &str = "stsb";

/// Benchmarks of which no perfect reply to every record can be told from the data alone.
const ODD: [&str; 3] = ["bfcl_v4", "general_fc", "ifeval"];

#[test]
fn the_program_gives_1_for_right_0_for_wrong_and_half_for_half() {
    let mut wrong = Vec::new();
    for sets in &sets() {
        let there: Vec<(&Set, PathBuf)> = sets
            .iter()
            .filter(|set| set.card != PROBABILITIES)
            .filter_map(|set| Some((set, public(set.path)?)))
            .collect();
        if there.is_empty() {
            continue;
        }
        let (known, halves) = replies(&there, 4);
        let known = Arc::new(known);
        let mut args = serde_json::Map::new();
        for (set, data) in &there {
            let mut own = set.args.clone();
            own["local_path"] = json!(data);
            args.insert(set.card.to_owned(), own);
        }
        let mut scores: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for mode in 0..3 {
            let known = Arc::clone(&known);
            let server = Server::start(move |seen| {
                let asked = &seen.json()["messages"];
                let Some((right, wrong, index)) = known.get(&words(asked)) else { return saying("?") };
                chatted(if mode == 0 || (mode == 2 && index % 2 == 0) { right } else { wrong }, 0)
            });
            let run = eval()
                .args("--model test-model --limit 4 --no-timestamp --work-dir out --api-url")
                .arg(server.at("/v1"))
                .arg("--dataset-args")
                .arg(Value::Object(args.clone()).to_string())
                .arg("--datasets")
                .arg(there.iter().map(|(set, _)| set.card).collect::<Vec<_>>().join(","))
                .run();
            for (set, _) in &there {
                let report = read(&run.home().join(format!("out/reports/test-model/{}.json", set.card)));
                assert_eq!(report["execution_summary"]["errored"], 0, "{}: {report}", set.card);
                let primary = &report["primary_metric_identity"];
                let metric = report["metrics"].as_array().unwrap().iter().find(|metric| &metric["identity"] == primary);
                scores.entry(set.card).or_default().push(
                    metric.unwrap_or_else(|| panic!("{}: {report}", set.card))["score"].as_f64().unwrap_or(f64::NAN),
                );
            }
        }
        for (card, found) in scores {
            let expected = [1.0, 0.0, halves[card]];
            let near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6);
            if !near && !ODD.contains(&card) {
                wrong.push(format!("{card}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The one set of a card over a path, loaded; none where it is not there.
fn one(card: &'static str, path: &'static str, args: Value) -> Option<Evaluation> {
    Some(loaded(&set(card, path, args, 0), &public(path)?))
}

#[test]
fn texts_stay_as_they_are_published() {
    if let Some(mmlu) = one("mmlu", "mmlu/data", json!({})) {
        let samples: Vec<&Sample> = mmlu.samples().map(|(_, sample)| sample).collect();
        let quoted = samples.iter().filter(|sample| sample.subset == "high_school_european_history");
        assert!(quoted.clone().count() > 100 && quoted.clone().all(|sample| sample.question.contains('\n')));
        let none = |sample: &&&Sample| sample.choices.iter().any(|choice| choice == "None");
        assert!(samples.iter().any(|sample| none(&sample)), "an option that says None is a text");
        assert!(samples.iter().all(|sample| sample.choices.len() == 4 && sample.shots == 5));
        // Both editions are the same questions.
        if let Some(parquet) = one("mmlu", "mmlu/parquet", json!({})) {
            let key = |sample: &Sample| {
                (sample.subset.clone(), sample.question.clone(), sample.choices.clone(), sample.target.clone())
            };
            let mut texts: Vec<_> = samples
                .iter()
                .map(|sample| key(sample).0 + &key(sample).1 + &format!("{:?}{}", key(sample).2, key(sample).3))
                .collect();
            let mut columns: Vec<_> = parquet
                .samples()
                .map(|(_, sample)| key(sample).0 + &key(sample).1 + &format!("{:?}{}", key(sample).2, key(sample).3))
                .collect();
            texts.sort();
            columns.sort();
            assert!(texts == columns);
        }
    }
    if let Some(mgsm) = one("mgsm", "mgsm", json!({"few_shot_num": 0})) {
        let samples: Vec<&Sample> = mgsm.samples().map(|(_, sample)| sample).collect();
        assert!(samples.iter().any(|sample| sample.question.contains('"')), "quotes in TSV are characters");
        assert!(samples.iter().any(|sample| sample.target == "114200"), "commas in numbers");
    }
    if let Some(bbh) = one("bbh", "bbh", json!({})) {
        for (_, sample) in bbh.samples() {
            assert!(
                !words(&json!(sample.messages)).to_lowercase().contains("canary"),
                "{} {}",
                sample.subset,
                sample.index
            );
        }
    }
    if let Some(arc) = one("arc", "arc/parquet", json!({"eval_split": "validation"})) {
        let counts: Vec<usize> = arc.samples().map(|(_, sample)| sample.choices.len()).collect();
        assert!(counts.contains(&3) && counts.contains(&5));
    }
}

#[test]
fn arguments_that_are_null_are_not_there() {
    let both = ("ifeval/input_data.jsonl", "ifeval/parquet");
    let (Some(lines), Some(columns)) = (one("ifeval", both.0, json!({})), one("ifeval", both.1, json!({}))) else {
        return;
    };
    let said = [
        "* One.\n* Two.\n\nP.S. <<A title>> and \"quotes\", [place] [name].",
        "{\"a\": 1}",
        "NO COMMAS HERE",
        "Paragraph one.\n\n***\n\nParagraph two.",
    ];
    let verdicts = |evaluation: &Evaluation| -> Vec<_> {
        let of = |(benchmark, sample): (&Benchmark, &Sample)| {
            said.map(|text| benchmark.method(sample).judge(&Case { sample, reply: &Said::text(text) }).values)
        };
        evaluation.samples().map(of).collect()
    };
    let (lines, columns) = (verdicts(&lines), verdicts(&columns));
    assert_eq!(lines.len(), 460);
    assert!(lines == columns, "explicit nulls change a verdict");
    let some = |value: f64| lines.iter().flatten().flatten().any(|(_, found)| (*found - value).abs() < 1e-9);
    assert!(some(0.0) && some(1.0), "replies of both kinds are among them");
}

#[test]
fn what_a_folder_holds_is_told_when_it_is_not_what_is_asked() {
    let Some(folder) = public("arc") else { return };
    for (args, path, words) in [
        (json!({"eval_split": "validation"}), "jsonl/ARC-Easy-Dev.jsonl", "one table for ARC-Easy, ARC-Challenge"),
        (json!({"eval_split": "test"}), "jsonl", "ARC-Easy-Dev.jsonl"),
        (
            json!({"eval_split": "validation", "subset_list": ["ARC-Easy"], "few_shot_num": 2}),
            "jsonl/ARC-Easy-Dev.jsonl",
            "few_shot_num to 0",
        ),
    ] {
        let set = set("arc", "", args, 0);
        let failure = prepared(&task(&set, &folder.join(path))).map(|_| ()).unwrap_err();
        assert!(format!("{failure} {:?}", failure.hint).contains(words), "{failure}: {:?}", failure.hint);
    }
    // Of a table in several formats one is read, and that is told.
    let all = set("arc", "arc", json!({"eval_split": "validation", "subset_list": ["ARC-Challenge"]}), 0);
    let evaluation = loaded(&all, &folder);
    assert_eq!(evaluation.samples().count(), 299);
}

#[test]
fn pictures_in_an_archive_are_sent_and_made_to_fit() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/slake/sample");
    let table = std::fs::read_to_string(sample.join("default_test.jsonl")).unwrap();
    let row: Value = serde_json::from_str(table.lines().next().unwrap()).unwrap();
    let picture =
        image::RgbImage::from_fn(200, 200, |x, y| image::Rgb([(x * 7 + y * 13) as u8, (x * y) as u8, y as u8]));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageOutputFormat::Png).unwrap();
    let png = png.into_inner();
    let packed = |folder: &Path, name: &str| {
        let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join("imgs.zip")).unwrap());
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&png).unwrap();
        archive.finish().unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/test.jsonl"), format!("{row}\n")).unwrap();
    let asking = |server: &Server, most: u64| {
        let args = json!({"slake": {"local_path": folder.path(), "max_image_bytes": most}});
        eval()
            .args("--model test-model --datasets slake --no-timestamp --work-dir out --api-url")
            .arg(server.at("/v1"))
            .arg("--dataset-args")
            .arg(args.to_string())
    };
    let server = Server::start(|_| saying("ANSWER: X-Ray"));
    packed(folder.path(), &format!("imgs/{}", row["img_name"].as_str().unwrap()));
    asking(&server, png.len() as u64).run();
    asking(&server, 3000).says("1 pictures were made smaller").run();
    let pictures: Vec<Vec<u8>> = server
        .seen()
        .iter()
        .flat_map(|seen| seen.json()["messages"].as_array().cloned().unwrap_or_default())
        .flat_map(|message| message["content"].as_array().cloned().unwrap_or_default())
        .filter_map(|part| part["image_url"]["url"].as_str()?.split_once(";base64,").map(|(_, data)| data.to_owned()))
        .map(|data| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).unwrap())
        .collect();
    assert_eq!(pictures.len(), 2);
    assert_eq!(pictures[0], png, "what fits is sent as it is");
    assert!(pictures[1].len() <= 3000 && image::load_from_memory(&pictures[1]).is_ok());
    // An archive without the picture is told, and nothing is asked.
    packed(folder.path(), "imgs/another.png");
    asking(&server, 3000).exit(2).says("imgs.zip: has no member").run();
}

#[test]
fn a_level_that_is_not_there_is_not_made_up() {
    let row = json!({"id": "low-en-0", "question": "1 + 1?", "answer": "2"});
    let args = json!({"poly_math": {"local_path": ".", "subset_list": ["en"]}});
    eval()
        .file("en/low.jsonl", format!("{row}\n"))
        .args("--datasets poly_math --no-timestamp --work-dir out --dataset-args")
        .arg(args.to_string())
        .exit(2)
        .says("no file for subset \"en\" and split \"medium\"")
        .run();
}
