//! Datasets and tokenizers from a hub: fetched once, verified, resumed, and used without a network afterwards.

use std::path::{Path, PathBuf};

use crate::support::{COMMIT, Files, Gate, Hub, Perf, Reply, Run, Server, perf, report};

const QUESTIONS: &str = "{\"question\":\"why?\"}\n{\"question\":\"how?\"}\n";
const HC3: &str = "Hello-SimpleAI/HC3-Chinese";

fn server() -> Server {
    Server::start(|_| Reply::of(&["a"]))
}

/// A hub with questions, as both hubs have them under their own ids.
fn questions() -> Files {
    Files::default().called(HC3).called("AI-ModelScope/HC3-Chinese").large("open_qa.jsonl", QUESTIONS)
}

/// A run of two questions from a hub.
fn asking(server: &Server, hub: &Hub, source: &str) -> Perf {
    perf()
        .against(server)
        .env("HF_ENDPOINT", &hub.endpoint())
        .env("MODELSCOPE_ENDPOINT", &hub.endpoint())
        .args("--number 2 --no-timestamp --dataset openqa --data-source")
        .arg(source)
}

fn prompts(server: &Server) -> Vec<String> {
    server.asked().iter().map(|seen| seen.prompt()).collect()
}

/// Every file below our own cache but locks.
fn cached(run: &Run) -> Vec<String> {
    let root = run.home().join("home/.cache/evalscope");
    let mut found = below(&root);
    found.retain(|path| !path.ends_with("/lock"));
    found
}

fn below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(below(&entry.path()));
        } else {
            found.push(entry.path().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn a_dataset_comes_from_each_hub() {
    for (source, id, at) in
        [("huggingface", HC3, "at main (0123456789ab)"), ("modelscope", "AI-ModelScope/HC3-Chinese", "at master")]
    {
        let (server, hub) = (server(), questions().start());
        let size = format!("{} B", QUESTIONS.len());
        let run = asking(&server, &hub, source)
            .says(format!("fetching 1 file, {size}, of {source} dataset {id}"))
            .says(hub.endpoint())
            .says("into ")
            .run();
        assert_eq!(prompts(&server), ["why?", "how?"]);
        let notice = format!("--dataset: {source} dataset {id} {at}: 1 file of {size} fetched");
        assert!(run.notices().contains(&notice), "{}", run.notices());
        assert!(cached(&run).iter().any(|path| path.ends_with("/open_qa.jsonl")), "{:?}", cached(&run));
        assert!(!cached(&run).iter().any(|path| path.contains("/parts/")), "nothing unfinished is left");
        let kept = std::fs::read_to_string(run.dir().join("plan.toml")).unwrap();
        assert_eq!(kept.contains(COMMIT), source == "huggingface", "{kept}");
    }
}

#[test]
fn what_is_cached_is_not_fetched_again_and_needs_no_network() {
    let (server, hub) = (server(), questions().start());
    let first = asking(&server, &hub, "huggingface").args("--name first").run();
    let again = asking(&server, &hub, "huggingface").inside(&first).args("--name again").hides("fetching").run();
    assert_eq!(hub.fetched().len(), 1, "the file came once");
    assert!(again.stdout.contains("again") || again.stderr.contains("again"));
    let asked = hub.seen().len();
    asking(&server, &hub, "huggingface").inside(&first).args("--name offline").env("HF_HUB_OFFLINE", "1").run();
    // A commit never changes, so a plan that was saved needs no network at all.
    let plan = first.home().join("outputs/first/plan.toml");
    asking(&server, &hub, "huggingface").inside(&first).args("--name saved --profile").arg(plan).run();
    assert_eq!(hub.seen().len(), asked, "nobody was asked");
    drop(hub);
    let gone = questions().refuse("/", 503, Some(0), usize::MAX).start();
    asking(&server, &gone, "huggingface")
        .inside(&first)
        .args("--name gone")
        .says("what the cache has of it was used")
        .run();
    assert_eq!(prompts(&server).len(), 10);
}

#[test]
fn offline_without_a_cache_says_so_and_asks_nobody() {
    let (server, hub) = (server(), questions().start());
    for source in ["huggingface", "modelscope"] {
        let run = asking(&server, &hub, source)
            .env("HF_HUB_OFFLINE", "TRUE")
            .exit(4)
            .says("is not in the cache")
            .says("HF_HUB_OFFLINE")
            .says("hint:")
            .run();
        assert!(run.left_nothing());
    }
    assert!(hub.seen().is_empty() && server.seen().is_empty());
}

#[test]
fn a_transfer_that_breaks_goes_on_where_it_broke() {
    for source in ["huggingface", "modelscope"] {
        let (server, hub) = (server(), questions().cut("open_qa.jsonl", 7, 2).start());
        let run = asking(&server, &hub, source).says("again in").run();
        assert_eq!(prompts(&server), ["why?", "how?"]);
        let ranges: Vec<Option<String>> =
            hub.fetched().iter().map(|seen| seen.header("range").map(str::to_owned)).collect();
        assert_eq!(ranges, [None, Some("bytes=7-".to_owned()), Some("bytes=14-".to_owned())]);
        assert!(hub.fetched()[1].header("if-range").is_some_and(|version| version.starts_with('"')));
        assert!(run.notices().contains("2 requests made again"), "{}", run.notices());
    }
}

#[test]
fn wrong_contents_are_fetched_once_more_and_then_refused() {
    let (server, hub) = (server(), questions().spoil("open_qa.jsonl", 1).start());
    let run = asking(&server, &hub, "huggingface").run();
    assert_eq!(prompts(&server), ["why?", "how?"]);
    assert!(run.notices().contains("1 file with wrong contents fetched again"), "{}", run.notices());

    for files in [questions(), Files::default().called(HC3).file("open_qa.jsonl", QUESTIONS)] {
        let (server, hub) = (self::server(), files.spoil("open_qa.jsonl", 2).start());
        let run =
            asking(&server, &hub, "huggingface").exit(3).says("open_qa.jsonl").says("expected ").says("found ").run();
        assert_eq!(hub.fetched().len(), 2);
        assert!(run.left_nothing() && cached(&run).is_empty(), "{:?}", cached(&run));
        assert!(server.seen().is_empty());
    }
}

#[test]
fn a_hub_that_limits_the_rate_is_asked_when_it_says() {
    let files = questions().refuse("/revision/", 429, Some(0), 2).refuse("/resolve/", 503, Some(0), 1);
    let (server, hub) = (server(), files.start());
    let run = asking(&server, &hub, "huggingface").says("status 429").says("status 503").run();
    assert!(run.notices().contains("3 requests made again"), "{}", run.notices());
    let (server, hub) = (self::server(), questions().refuse("/revision/", 429, Some(0), usize::MAX).start());
    asking(&server, &hub, "huggingface").exit(3).says("cannot be had from").says("HF_ENDPOINT").run();
    assert_eq!(hub.seen().len(), 6, "it is given up in the end");
}

#[test]
fn a_key_goes_to_the_hub_and_nowhere_else() {
    let cdn = questions().start();
    let (server, hub) = (server(), questions().elsewhere("open_qa.jsonl", &cdn).start());
    for (source, variable) in [("huggingface", "HF_TOKEN"), ("modelscope", "MODELSCOPE_API_TOKEN")] {
        let run = asking(&server, &hub, source).env(variable, "secret-key").hides("secret-key").run();
        assert_eq!(hub.fetched().last().unwrap().header("authorization"), Some("Bearer secret-key"));
        for path in cached(&run).iter().map(PathBuf::from).chain(run.files()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("secret-key"), "{}", path.display());
        }
    }
    assert!(hub.seen().iter().all(|seen| seen.header("authorization").is_some()));
    assert_eq!(cdn.seen().len(), 2);
    for seen in cdn.seen() {
        assert_eq!((seen.header("authorization"), seen.header("cookie")), (None, None));
    }
}

#[test]
fn long_listings_come_in_pages() {
    let mut files = Files::default().called(HC3).called("AI-ModelScope/HC3-Chinese").pages_of(2);
    for number in 0..101 {
        files = files.file(&format!("a/{number}.bin"), "x");
    }
    let (server, hub) = (server(), files.file("open_qa.jsonl", QUESTIONS).start());
    for source in ["huggingface", "modelscope"] {
        asking(&server, &hub, source).run();
    }
    let pages = |words: &str| hub.seen().iter().filter(|seen| seen.path.contains(words)).count();
    assert_eq!((pages("/tree/"), pages("/repo/tree")), (51, 2));
}

#[test]
fn what_a_hub_does_not_have_is_named() {
    let (server, hub) = (server(), questions().start());
    for (source, args, words) in [
        ("huggingface", "--dataset-revision v9", "has no revision v9"),
        ("modelscope", "--dataset-revision v9", "there is no modelscope dataset"),
        ("huggingface", "--dataset-path me/gone", "there is no huggingface dataset me/gone"),
        ("modelscope", "--dataset-path me/gone", "there is no modelscope dataset me/gone"),
        ("huggingface", "--dataset-path me/qa/b.jsonl", "has no file b.jsonl at main"),
        ("huggingface", "--tokenizer-path me/qa", "has no tokenizer.json"),
    ] {
        let run = asking(&server, &hub, source).args(args).exit(2).says(words).says("hint:").run();
        assert!(run.left_nothing(), "{args}");
    }
    for (args, words) in [
        ("--data-source github", "modelscope, huggingface, local"),
        ("--dataset-revision v1", "--data-source"),
        ("--dataset custom --data-source huggingface", "--dataset-path owner/name"),
    ] {
        perf().against(&server).args(args).exit(2).says(words).run();
    }
    perf()
        .against(&server)
        .args("--data-source huggingface")
        .env("HF_ENDPOINT", "ftp://h")
        .exit(2)
        .says("HF_ENDPOINT")
        .run();
    assert!(server.seen().is_empty());
}

#[test]
fn names_in_a_listing_never_leave_the_cache() {
    let evil = ["../../../../../../evil.jsonl", "/tmp/evil.jsonl", "a/../../evil.jsonl", "nul", "a\\..\\evil.jsonl"];
    let files = evil.iter().fold(questions(), |files, name| files.file(name, "{\"question\":\"evil\"}\n"));
    let (server, hub) = (server(), files.start());
    let run = asking(&server, &hub, "huggingface").run();
    assert!(run.notices().contains("5 names that cannot be paths left out"), "{}", run.notices());
    assert_eq!(hub.fetched().len(), 1);
    assert!(!below(run.home()).iter().any(|path| path.contains("evil")));
    asking(&server, &hub, "huggingface")
        .args("--dataset-path")
        .arg("me/qa/../../evil.jsonl")
        .exit(2)
        .says("has no file")
        .run();
    assert_eq!(hub.fetched().len(), 1);
}

#[test]
fn files_of_the_hubs_own_clients_are_used() {
    let (server, hub) = (server(), questions().start());
    let plan = perf().args("--dry-run").run();
    let home = plan.home().join("home");
    let theirs = home.join(".cache/huggingface/hub/datasets--Hello-SimpleAI--HC3-Chinese");
    std::fs::create_dir_all(theirs.join("refs")).unwrap();
    std::fs::write(theirs.join("refs/main"), COMMIT).unwrap();
    std::fs::create_dir_all(theirs.join("snapshots").join(COMMIT)).unwrap();
    std::fs::write(theirs.join("snapshots").join(COMMIT).join("open_qa.jsonl"), QUESTIONS).unwrap();
    let run = asking(&server, &hub, "huggingface").inside(&plan).env("HF_HUB_OFFLINE", "1").args("--name a").run();
    assert!(run.stderr.contains("1 file in the cache of Hugging Face's client, not verified"), "{}", run.stderr);
    assert!(hub.seen().is_empty());
    let run = asking(&server, &hub, "huggingface").inside(&plan).args("--name b").hides("fetching").run();
    assert!(run.stderr.contains("1 file in the cache of Hugging Face's client"), "{}", run.stderr);
    assert!(hub.fetched().is_empty());
    // What differs from what the hub says is not used.
    std::fs::remove_dir_all(home.join(".cache/evalscope")).unwrap();
    std::fs::remove_file(theirs.join("snapshots").join(COMMIT).join("open_qa.jsonl")).unwrap();
    std::fs::write(theirs.join("snapshots").join(COMMIT).join("open_qa.jsonl"), QUESTIONS.to_uppercase()).unwrap();
    asking(&server, &hub, "huggingface").inside(&plan).args("--name c").says("fetching 1 file").run();

    let theirs = home.join("ms/datasets/AI-ModelScope/HC3-Chinese");
    std::fs::create_dir_all(&theirs).unwrap();
    std::fs::write(theirs.join("open_qa.jsonl"), QUESTIONS).unwrap();
    let ms = home.join("ms");
    let run = asking(&server, &hub, "modelscope")
        .inside(&plan)
        .env("MODELSCOPE_CACHE", ms.to_str().unwrap())
        .args("--name d")
        .hides("fetching")
        .run();
    assert!(run.stderr.contains("1 file in the cache of ModelScope's client"), "{}", run.stderr);
    assert!(prompts(&server).iter().all(|prompt| prompt == "why?" || prompt == "how?"));
}

#[test]
fn a_tokenizer_comes_from_a_hub_without_the_weights() {
    let tokenizer = include_str!("../datasets/tokenizer/tokenizer.json");
    let files = Files::default().large("tokenizer.json", tokenizer).file("tokenizer_config.json", "{}");
    let hub = files.large("model.safetensors", "weights").start();
    let server = Server::start(|_| Reply::stream().role().text("some words").finish().done());
    for source in ["huggingface", "modelscope"] {
        let run = perf()
            .against(&server)
            .env("HF_ENDPOINT", &hub.endpoint())
            .env("MODELSCOPE_ENDPOINT", &hub.endpoint())
            .args("--number 2 --tokenizer-path me/qa --dataset random --max-prompt-length 9 --min-prompt-length 9")
            .args("--data-source")
            .arg(source)
            .run();
        let summary = run.only_point().summary();
        assert!(summary["figures"]["output_throughput"].is_number(), "tokens were counted: {summary}");
        assert!(!cached(&run).iter().any(|path| path.contains("model.safetensors")));
        let asked = hub.seen().len();
        // Results are made again from what is here.
        let again = report(&run).env("HF_ENDPOINT", &hub.endpoint()).env("MODELSCOPE_ENDPOINT", &hub.endpoint()).run();
        assert_eq!(hub.seen().len(), asked);
        assert!(again.stdout.contains("test-model"));
    }
    // As in EvalScope, ModelScope is asked where no hub is named.
    let run = perf()
        .against(&server)
        .env("MODELSCOPE_ENDPOINT", &hub.endpoint())
        .args("--number 1 --tokenizer-path me/qa")
        .says("of modelscope model me/qa at master")
        .run();
    assert_eq!(run.only_point().count("ok"), 1);
    perf().args("--tokenizer-path me/qa --data-source local").exit(4).says("--tokenizer-path me/qa").run();
}

#[test]
fn ctrl_c_keeps_what_came() {
    let gate = Gate::default();
    let (server, hub) = (server(), questions().hold("open_qa.jsonl", &gate).start());
    let running = asking(&server, &hub, "huggingface").exit(130).says("interrupted while files were fetched").spawn();
    running.wait_until_said("fetching 1 file");
    let part = |home: &Path| below(home).into_iter().find(|path| path.contains("/parts/") && !path.ends_with(".etag"));
    running.wait_for_file(|home| part(home).is_some_and(|path| std::fs::metadata(path).unwrap().len() > 0));
    running.signal("INT");
    let run = running.finish();
    gate.open();
    assert!(run.left_nothing());
    let half = QUESTIONS.len() / 2;
    assert_eq!(std::fs::metadata(part(run.home()).unwrap()).unwrap().len(), half as u64);
    let run = asking(&server, &hub, "huggingface").inside(&run).run();
    assert_eq!(prompts(&server), ["why?", "how?"]);
    assert_eq!(hub.fetched()[1].header("range"), Some(format!("bytes={half}-").as_str()));
    assert!(run.notices().contains(&format!("{half} B left of an earlier try")), "{}", run.notices());
}

#[test]
fn two_processes_fetch_a_file_once() {
    let gate = Gate::default();
    let (server, hub) = (server(), questions().hold("open_qa.jsonl", &gate).start());
    let home = perf().args("--dry-run").run();
    let first = asking(&server, &hub, "huggingface").inside(&home).args("--name first").spawn();
    first.wait_until_said("fetching 1 file");
    let second = asking(&server, &hub, "huggingface").inside(&home).args("--name second").hides("fetching").spawn();
    second.wait_until_said("another process");
    gate.open();
    first.finish();
    second.finish();
    assert_eq!(hub.fetched().len(), 1);
    assert_eq!(prompts(&server).len(), 4);
}

#[test]
fn a_repository_of_ones_own_is_named_by_its_id() {
    let files =
        Files::default().file("a/b c.jsonl", "{\"prompt\":\"one\"}\n").file("z.jsonl", "{\"prompt\":\"two\"}\n");
    let (server, hub) = (server(), files.start());
    let custom = || perf().against(&server).env("HF_ENDPOINT", &hub.endpoint()).args("--number 1 --dataset custom");
    custom().args("--data-source huggingface --dataset-path").arg("me/qa/a/b c.jsonl").run();
    custom()
        .args("--data-source huggingface --dataset-path me/qa")
        .exit(2)
        .says("2 files of data")
        .says("z.jsonl")
        .run();
    custom().args("--data-source huggingface --dataset-path me/qa/z.jsonl@dev").run();
    custom().args("--data-source huggingface --dataset-path me/qa/z.jsonl --dataset-revision dev").run();
    assert_eq!(prompts(&server), ["one", "two", "two"]);
    // A file that is here is used, whatever the source.
    custom().file("here.txt", "here\n").args("--data-source huggingface --dataset-path here.txt").run();
    assert_eq!(prompts(&server)[3], "here");
}

#[test]
fn a_dry_run_says_what_it_would_fetch_and_fetches_nothing() {
    let (server, hub) = (server(), questions().start());
    asking(&server, &hub, "huggingface")
        .args("--dry-run")
        .prints(format!("# fetch: huggingface dataset {HC3} at main, for --dataset; its contents are not checked"))
        .prints("data-source = \"huggingface\"")
        .run();
    assert!(hub.seen().is_empty());
}

/// An archive with these files, as `tar` writes it.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, contents) in files {
        let mut head = [0; 512];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
        head[156] = b'0';
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(head);
        archive.extend_from_slice(contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn datasets_of_every_shape_come_from_hubs() {
    let circle = include_bytes!("../datasets/flickr8k/sample/circle.png");
    let pictures = |name: &str| tar(&[(&format!("{name}.png"), circle), (&format!("{name}.txt"), name.as_bytes())]);
    let chat =
        "{\"conversation\":[{\"human\":\"hello\",\"assistant\":\"hi\"},{\"human\":\"and?\",\"assistant\":\"x\"}]}\n";
    let hub = Files::default()
        .called("swift/sharegpt")
        .called("clip-benchmark/wds_flickr8k")
        .large("common_en_70k.jsonl", chat)
        .large("test/0.tar", pictures("first"))
        .large("test/1.tar", pictures("second"))
        .start();
    let sent = |args: &str| {
        let server = server();
        perf()
            .against(&server)
            .env("HF_ENDPOINT", &hub.endpoint())
            .env("MODELSCOPE_ENDPOINT", &hub.endpoint())
            .args("--number 2")
            .args(args)
            .run();
        server.asked().iter().map(|seen| seen.json()["messages"].clone()).collect::<Vec<_>>()
    };
    // A dataset without questions of its own comes from ModelScope where no hub is named, as in EvalScope.
    let from_split = sent("--dataset share_gpt_en");
    assert_eq!(from_split[0][2]["content"], "and?");
    for source in ["modelscope", "huggingface"] {
        let pictures = sent(&format!("--dataset flickr8k --data-source {source}"));
        let texts: Vec<&str> =
            pictures.iter().map(|messages| messages[0]["content"][0]["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["first", "second"], "both archives of the split are read");
        let url = pictures[0][0]["content"][1]["image_url"]["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/png;base64,"), "{url}");
    }
    let fetched = hub.fetched().len();
    assert_eq!(fetched, 1 + 2 * 2);
}

#[test]
fn a_file_for_all_splits_is_the_train_split() {
    let alpaca = "[{\"instruction\":\"one\"},{\"instruction\":\"two\"}]";
    let files = Files::default().called("Yukang/LongAlpaca-12k").called("AI-ModelScope/LongAlpaca-12k");
    let hub = files.file("README.md", "about").large("LongAlpaca-12k.json", alpaca).start();
    for source in ["modelscope", "huggingface"] {
        let server = server();
        perf()
            .against(&server)
            .env("HF_ENDPOINT", &hub.endpoint())
            .env("MODELSCOPE_ENDPOINT", &hub.endpoint())
            .args("--number 2 --dataset longalpaca --data-source")
            .arg(source)
            .run();
        assert_eq!(prompts(&server), ["one", "two"]);
    }
}
