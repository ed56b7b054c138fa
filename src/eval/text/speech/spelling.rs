//! British words in American spelling, by families of words rather than a list of every form.
//!
//! Whisper's authors use a list of 1,700 forms. The families here cover them by their stems; a form that the list lacks
//! is changed like its relatives.

/// Stems before `our` that lose the u: `colour`, `favourite`, `neighbouring`.
const OUR: [&str; 44] = [
    "arb",
    "ard",
    "arm",
    "behavi",
    "belab",
    "cand",
    "clam",
    "col",
    "demean",
    "discol",
    "disfav",
    "dishon",
    "enam",
    "endeav",
    "fav",
    "ferv",
    "flav",
    "glam",
    "harb",
    "hon",
    "hum",
    "lab",
    "misbehavi",
    "misdemean",
    "multicol",
    "neighb",
    "od",
    "parl",
    "ranc",
    "rig",
    "rum",
    "sav",
    "splend",
    "succ",
    "technicol",
    "tum",
    "unfav",
    "val",
    "vap",
    "vig",
    "watercol",
    "disarm",
    "rearm",
    "unsav",
];

/// Stems before `re` that turn into `er`: `centre`, `kilometres`.
const RE: [&str; 22] = [
    "accout",
    "calib",
    "cent",
    "epicent",
    "fib",
    "goit",
    "lit",
    "lust",
    "lacklust",
    "maneuv",
    "manoeuv",
    "meag",
    "met",
    "mit",
    "och",
    "reconnoit",
    "sab",
    "saltpet",
    "scept",
    "sepulch",
    "somb",
    "spect",
];

/// Words before which `metre`, `litre` and `centre` may have a prefix.
const PREFIXES: [&str; 10] = ["", "centi", "kilo", "milli", "micro", "nano", "deca", "deci", "hecto", "multi"];

/// Verbs that double their l before an ending in British spelling only: `travelled`, `modelling`.
const DOUBLED: [&str; 66] = [
    "apparel", "barrel", "bedevil", "bevel", "bejewel", "cancel", "carol", "caramel", "cavil", "channel", "chisel",
    "counsel", "cudgel", "devil", "dial", "dishevel", "dowel", "drivel", "duel", "enamel", "equal", "fuel", "funnel",
    "gambol", "gravel", "grovel", "gruel", "hovel", "imperil", "initial", "jewel", "label", "laurel", "level", "libel",
    "marshal", "marvel", "medal", "metal", "model", "panel", "pedal", "pencil", "pummel", "quarrel", "ravel", "refuel",
    "remodel", "revel", "rival", "shovel", "shrivel", "signal", "snivel", "spiral", "squirrel", "stencil", "swivel",
    "symbol", "tinsel", "total", "towel", "trammel", "travel", "tunnel", "unravel",
];

/// Verbs in `ise` that are so in American spelling too.
const KEPT_ISE: [&str; 43] = [
    "advertise",
    "advise",
    "apprise",
    "arise",
    "chastise",
    "circumcise",
    "comprise",
    "compromise",
    "concise",
    "cruise",
    "bruise",
    "demise",
    "despise",
    "devise",
    "disguise",
    "enterprise",
    "excise",
    "exercise",
    "expertise",
    "franchise",
    "guise",
    "improvise",
    "incise",
    "likewise",
    "merchandise",
    "noise",
    "otherwise",
    "paradise",
    "poise",
    "praise",
    "precise",
    "premise",
    "promise",
    "raise",
    "revise",
    "rise",
    "supervise",
    "surmise",
    "surprise",
    "televise",
    "treatise",
    "turquoise",
    "wise",
];

/// Parts of words with a diphthong that is one letter in American spelling, at the beginning or anywhere after it.
const DIPHTHONGS: [(&str, &str); 25] = [
    ("anaem", "anem"),
    ("anaesth", "anesth"),
    ("aesthet", "esthet"),
    ("archaeo", "archeo"),
    ("caesar", "cesar"),
    ("diarrhoe", "diarrhe"),
    ("encyclopaed", "encycloped"),
    ("faec", "fec"),
    ("foetid", "fetid"),
    ("foetus", "fetus"),
    ("foetal", "fetal"),
    ("gynaeco", "gyneco"),
    ("haemo", "hemo"),
    ("haema", "hema"),
    ("homoeo", "homeo"),
    ("leukaem", "leukem"),
    ("manoeuv", "maneuv"),
    ("mediaev", "mediev"),
    ("oesoph", "esoph"),
    ("oestr", "estr"),
    ("orthopaed", "orthoped"),
    ("paedia", "pedia"),
    ("paedo", "pedo"),
    ("palaeo", "paleo"),
    ("septicaem", "septicem"),
];

/// Beginnings of words that differ without a rule; the rest of the word is kept.
const BEGINNINGS: [(&str, &str); 43] = [
    ("aeroplane", "airplane"),
    ("aluminium", "aluminum"),
    ("artefact", "artifact"),
    ("behove", "behoove"),
    ("cheque", "check"),
    ("chequer", "checker"),
    ("chilli", "chili"),
    ("cosily", "cozily"),
    ("defence", "defense"),
    ("doughnut", "donut"),
    ("draught", "draft"),
    ("enrolment", "enrollment"),
    ("fulfilment", "fulfillment"),
    ("gaol", "jail"),
    ("grey", "gray"),
    ("instalment", "installment"),
    ("jewellery", "jewelry"),
    ("kerb", "curb"),
    ("licence", "license"),
    ("liquorice", "licorice"),
    ("mould", "mold"),
    ("moult", "molt"),
    ("moustache", "mustache"),
    ("offence", "offense"),
    ("omelette", "omelet"),
    ("plough", "plow"),
    ("practise", "practice"),
    ("practising", "practicing"),
    ("pretence", "pretense"),
    ("programme", "program"),
    ("pyjama", "pajama"),
    ("sceptic", "skeptic"),
    ("skilful", "skillful"),
    ("smoulder", "smolder"),
    ("storey", "story"),
    ("sulph", "sulf"),
    ("tyre", "tire"),
    ("unskilful", "unskillful"),
    ("wilful", "willful"),
    ("woollen", "woolen"),
    ("yoghurt", "yogurt"),
    ("yoghourt", "yogurt"),
    ("furore", "furor"),
];

/// Whole words that differ without a rule.
const WORDS: [(&str, &str); 44] = [
    ("acknowledgement", "acknowledgment"),
    ("ageing", "aging"),
    ("amongst", "among"),
    ("analogue", "analog"),
    ("analogues", "analogs"),
    ("appal", "appall"),
    ("appals", "appalls"),
    ("axe", "ax"),
    ("catalogue", "catalog"),
    ("catalogued", "cataloged"),
    ("catalogues", "catalogs"),
    ("cataloguing", "cataloging"),
    ("cosy", "cozy"),
    ("demagogue", "demagog"),
    ("dialogue", "dialog"),
    ("dialogues", "dialogs"),
    ("distil", "distill"),
    ("distils", "distills"),
    ("enrol", "enroll"),
    ("enrols", "enrolls"),
    ("enthral", "enthrall"),
    ("epilogue", "epilog"),
    ("fulfil", "fulfill"),
    ("fulfils", "fulfills"),
    ("instil", "instill"),
    ("instils", "instills"),
    ("jeweller", "jeweler"),
    ("jewellers", "jewelers"),
    ("judgement", "judgment"),
    ("judgements", "judgments"),
    ("likeable", "likable"),
    ("marvellous", "marvelous"),
    ("monologue", "monolog"),
    ("mum", "mom"),
    ("mums", "moms"),
    ("mummy", "mommy"),
    ("prologue", "prolog"),
    ("programmes", "programs"),
    ("saleable", "salable"),
    ("sizeable", "sizable"),
    ("speciality", "specialty"),
    ("specialities", "specialties"),
    ("tonne", "ton"),
    ("tonnes", "tons"),
];

/// The American spelling of a lowered word, or the word itself.
pub(super) fn american(word: &str) -> String {
    if let Some((_, american)) = WORDS.iter().find(|(british, _)| *british == word) {
        return (*american).to_owned();
    }
    let changed = our(word).or_else(|| re(word)).or_else(|| doubled(word)).or_else(|| ise(word)).or_else(|| yse(word));
    changed.or_else(|| diphthong(word)).or_else(|| beginning(word)).unwrap_or_else(|| word.to_owned())
}

fn our(word: &str) -> Option<String> {
    let (stem, rest) = word.split_once("our")?;
    let ending = [
        "", "s", "ed", "ing", "er", "ers", "able", "ably", "ful", "fully", "less", "ite", "ites", "itism", "ist",
        "ists", "y", "ies", "hood", "hoods", "liness", "ly", "al", "ally", "some", "ings", "ism", "ation",
    ];
    (OUR.contains(&stem) && ending.contains(&rest)).then(|| format!("{stem}or{rest}"))
}

fn re(word: &str) -> Option<String> {
    let theatre = word.strip_prefix("amphi").unwrap_or(word);
    if let Some(rest) = theatre.strip_prefix("theatre") {
        return Some(format!("{}theater{rest}", word.strip_suffix(theatre).unwrap_or_default()));
    }
    for prefix in PREFIXES {
        let Some(rest) = word.strip_prefix(prefix) else { continue };
        for stem in RE {
            let ending = match rest.strip_prefix(stem) {
                Some("re") => "er",
                Some("res") => "ers",
                Some("red") => "ered",
                Some("ring") => "ering",
                Some("rement") => "erment",
                Some("rements") => "erments",
                _ => continue,
            };
            let stem = if stem == "manoeuv" { "maneuv" } else { stem };
            return Some(format!("{prefix}{stem}{ending}"));
        }
    }
    None
}

fn doubled(word: &str) -> Option<String> {
    let ending = ["led", "ling", "lings", "ler", "lers", "lor", "lors", "list", "lists"].into_iter();
    ending.filter_map(|ending| word.strip_suffix(ending).map(|stem| (stem, ending))).find_map(|(stem, ending)| {
        DOUBLED.contains(&stem).then(|| format!("{stem}{}", ending.strip_prefix('l').unwrap_or(ending)))
    })
}

/// `organise` and its forms, except the verbs that are never written with a z.
fn ise(word: &str) -> Option<String> {
    let ending = [
        "isations",
        "isation",
        "isational",
        "isable",
        "isers",
        "iser",
        "ised",
        "ises",
        "ising",
        "ise",
        "isingly",
        "isement",
    ];
    let (stem, ending) = ending.iter().find_map(|ending| Some((word.strip_suffix(ending)?, *ending)))?;
    let verb = format!("{stem}ise");
    let kept = KEPT_ISE.iter().any(|kept| verb.ends_with(kept)) || stem.chars().count() < 3;
    (!kept).then(|| format!("{stem}{}", ending.replacen("is", "iz", 1)))
}

fn yse(word: &str) -> Option<String> {
    let ending = ["yse", "ysed", "yses", "yser", "ysers", "ysing"];
    let (stem, ending) = ending.iter().find_map(|ending| Some((word.strip_suffix(ending)?, *ending)))?;
    stem.ends_with("al").then(|| format!("{stem}{}", ending.replacen('s', "z", 1)))
}

fn diphthong(word: &str) -> Option<String> {
    let (british, american) = DIPHTHONGS.iter().find(|(british, _)| word.contains(british))?;
    Some(word.replacen(british, american, 1))
}

fn beginning(word: &str) -> Option<String> {
    let longest =
        BEGINNINGS.iter().filter(|(british, _)| word.starts_with(british)).max_by_key(|(british, _)| british.len());
    let (british, american) = longest?;
    Some(format!("{american}{}", word.strip_prefix(british)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (british, expected) in [
            ("colour", "color"),
            ("neighbouring", "neighboring"),
            ("favourites", "favorites"),
            ("four", "four"),
            ("hour", "hour"),
            ("centre", "center"),
            ("kilometres", "kilometers"),
            ("centred", "centered"),
            ("theatres", "theaters"),
            ("travelled", "traveled"),
            ("counsellor", "counselor"),
            ("called", "called"),
            ("organisation", "organization"),
            ("realised", "realized"),
            ("promised", "promised"),
            ("raising", "raising"),
            ("otherwise", "otherwise"),
            ("analyse", "analyze"),
            ("haemorrhage", "hemorrhage"),
            ("manoeuvre", "maneuver"),
            ("grey", "gray"),
            ("cheques", "checks"),
            ("ploughing", "plowing"),
            ("programme", "program"),
            ("defence", "defense"),
            ("raised", "raised"),
            ("basis", "basis"),
        ] {
            assert_eq!(american(british), expected, "{british}");
        }
    }
}
