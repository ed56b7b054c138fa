//! The statistics of the level below against golden vectors; they are compared here, where the comparison lives.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they need and stop there")]

use serde_json::Value;

use crate::eval::agreement::{Agreement, cases};
use crate::stats::inference::{
    Bounds, Test, bootstrap, clustered, distribution, kappa, kolmogorov, mcnemar, mean, multiple, paired, percentile,
    proportion, ranks, special, two_sample,
};

/// The comparison of one file, a row a figure.
struct Rows {
    agreement: Agreement,
}

impl Rows {
    fn new(part: &str) -> Self {
        Rows { agreement: Agreement::new("stats", part) }
    }

    fn within(&mut self, case: &Value, name: &str, ours: Option<f64>, theirs: &Value, relative: f64, absolute: f64) {
        let equal = match (ours.filter(|ours| ours.is_finite()), theirs.as_f64()) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= (relative * theirs.abs()).max(absolute),
            (ours, theirs) => ours == theirs,
        };
        self.agreement
            .judged(case["id"].as_str().unwrap(), equal, || format!("{name}: ours {ours:?}, theirs {theirs}"));
    }

    /// A figure that the case may lack.
    fn near(&mut self, case: &Value, name: &str, ours: Option<f64>) {
        if let Some(theirs) = case["expected"].get(name) {
            self.within(case, name, ours, theirs, 1e-9, 1e-12);
        }
    }

    fn bounds(&mut self, case: &Value, name: &str, ours: Option<Bounds>, theirs: Option<&Value>) {
        let Some(theirs) = theirs else { return };
        self.within(case, name, ours.map(|bounds| bounds.low), &theirs[0], 1e-9, 1e-12);
        self.within(case, name, ours.map(|bounds| bounds.high), &theirs[1], 1e-9, 1e-12);
    }

    fn test(&mut self, case: &Value, name: &str, statistic: &str, p: &str, ours: Option<Test>) {
        if let Some(theirs) = case["expected"].get(name) {
            self.within(case, name, ours.map(|test| test.statistic), &theirs[statistic], 1e-9, 1e-12);
            self.within(case, name, ours.map(|test| test.p), &theirs[p], 1e-9, 1e-12);
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn kind(name: &str) -> impl Iterator<Item = Value> + use<'_> {
    cases("stats").into_iter().filter(move |case| case["kind"] == name)
}

#[test]
fn means_agree() {
    let mut rows = Rows::new("mean_ci");
    for case in kind("mean_ci") {
        let values = numbers(&case["values"]);
        for (name, ours) in [
            ("mean", mean::mean(&values)),
            ("median", mean::median(&values)),
            ("var_ddof0", mean::population_variance(&values)),
            ("var_ddof1", mean::variance(&values)),
            ("sd_ddof1", mean::variance(&values).map(f64::sqrt)),
            ("sem", mean::standard_error(&values)),
            ("skewness", mean::skewness(&values)),
            ("kurtosis_excess", mean::excess_kurtosis(&values)),
        ] {
            rows.near(&case, name, ours);
        }
        for confidence in [0.9, 0.95, 0.99] {
            let (t, z) = (format!("t_ci_{confidence}"), format!("z_ci_{confidence}"));
            rows.bounds(&case, &t, mean::t_bounds(&values, confidence), case["expected"].get(&t));
            rows.bounds(&case, &z, mean::z_bounds(&values, confidence), case["expected"].get(&z));
        }
    }
    rows.agreement.check(1.0);
}

#[test]
fn proportions_agree() {
    use proportion::Method;
    let mut rows = Rows::new("proportion");
    for case in kind("proportion") {
        let (k, n) = (case["k"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        for confidence in [0.9, 0.95, 0.99] {
            let expected = &case["expected"][confidence.to_string()];
            for (name, method) in [
                ("normal", Method::Normal),
                ("wilson", Method::Wilson),
                ("wilson_cc", Method::WilsonCorrected),
                ("clopper_pearson", Method::ClopperPearson),
                ("beta", Method::ClopperPearson),
                ("agresti_coull", Method::AgrestiCoull),
                ("jeffreys", Method::Jeffreys),
            ] {
                rows.bounds(&case, name, proportion::bounds(method, k, n, confidence), expected.get(name));
            }
        }
        rows.near(&case, "binom_test_half", Some(proportion::test_half(k, n)));
        rows.near(&case, "binom_test_0.25_greater", Some(proportion::test_greater(k, n, 0.25)));
    }
    rows.agreement.check(1.0);
}

#[test]
fn mcnemar_agrees() {
    let mut rows = Rows::new("mcnemar");
    for case in kind("mcnemar") {
        let cell = |row: usize, column: usize| case["table"][row][column].as_u64().unwrap();
        let table = mcnemar::Table { both: cell(0, 0), first: cell(0, 1), second: cell(1, 0), neither: cell(1, 1) };
        rows.near(&case, "exact_p", Some(table.exact()));
        rows.near(&case, "mid_p", table.mid_p());
        rows.near(&case, "chi2", table.chi_square().map(|test| test.statistic));
        rows.near(&case, "chi2_p", table.chi_square().map(|test| test.p));
        rows.near(&case, "chi2_cc", table.chi_square_corrected().map(|test| test.statistic));
        rows.near(&case, "chi2_cc_p", table.chi_square_corrected().map(|test| test.p));
        rows.near(&case, "diff", table.difference());
        rows.near(&case, "diff_se_paired", table.standard_error());
    }
    rows.agreement.check(1.0);
}

#[test]
fn paired_tests_agree() {
    let mut rows = Rows::new("paired");
    for case in kind("paired") {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        let differences = paired::differences(&x, &y);
        let t = paired::t_test(&differences);
        rows.near(&case, "mean_diff", mean::mean(&differences));
        rows.near(&case, "se_diff", mean::standard_error(&differences));
        rows.near(&case, "t", t.map(|test| test.statistic));
        rows.near(&case, "p_t", t.map(|test| test.p));
        rows.bounds(&case, "ci_95", paired::bounds(&differences, 0.95), case["expected"].get("ci_95"));
        rows.near(&case, "cohen_dz", paired::cohen_d(&differences));
        rows.near(&case, "pearson_r", paired::correlation(&x, &y));
        rows.near(&case, "sign_test_p", Some(paired::sign_test(&differences)));
        rows.near(&case, "sign_flip_exact_p", paired::sign_flips(&differences));
        rows.test(&case, "wilcoxon_approx", "statistic", "p", ranks::wilcoxon(&differences));
        rows.test(&case, "wilcoxon_exact", "statistic", "p", ranks::wilcoxon_exact(&differences));
    }
    rows.agreement.check(1.0);
}

#[test]
fn two_sample_tests_agree() {
    let mut rows = Rows::new("two_sample");
    for case in kind("two_sample") {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        rows.near(&case, "mean_diff", two_sample::difference(&x, &y));
        let welch = two_sample::welch(&x, &y, 0.95);
        rows.near(&case, "welch_t", welch.map(|welch| welch.test.statistic));
        rows.near(&case, "welch_df", welch.map(|welch| welch.freedom));
        rows.near(&case, "welch_p", welch.map(|welch| welch.test.p));
        rows.bounds(&case, "welch_ci_95", welch.map(|welch| welch.bounds), case["expected"].get("welch_ci_95"));
        let student = two_sample::student(&x, &y);
        rows.near(&case, "student_t", student.map(|test| test.statistic));
        rows.near(&case, "student_p", student.map(|test| test.p));
        rows.near(&case, "cohen_d", two_sample::cohen_d(&x, &y));
        rows.near(&case, "hedges_g_exact", two_sample::hedges_g(&x, &y));
        rows.near(&case, "cliffs_delta", ranks::cliffs_delta(&x, &y));
        rows.test(&case, "mannwhitney_asymptotic", "u", "p", ranks::mann_whitney(&x, &y));
        rows.test(&case, "mannwhitney_exact", "u", "p", ranks::mann_whitney_exact(&x, &y));
        rows.test(&case, "ks", "d", "p_asymp", kolmogorov::two_sample(&x, &y));
        let count = |values: &[f64]| (values.iter().sum::<f64>() as u64, values.len() as u64);
        let ((k1, n1), (k2, n2)) = (count(&x), count(&y));
        let shares = proportion::TwoShares { k1, n1, k2, n2 };
        if let Some(theirs) = case["expected"].get("newcombe_ci_95") {
            rows.bounds(&case, "newcombe_ci_95", shares.difference(0.95), Some(theirs));
            rows.near(&case, "cohen_h", shares.cohen_h());
            rows.test(&case, "ztest_pooled", "z", "p", shares.pooled_test());
            rows.near(&case, "fisher_exact_p", shares.fisher());
        }
    }
    rows.agreement.check(1.0);
}

#[test]
fn bootstraps_agree() {
    let mut rows = Rows::new("bootstrap_replay");
    let figure = |values: &[f64]| mean::mean(values).unwrap_or(f64::NAN);
    for case in kind("bootstrap_replay") {
        let values = numbers(&case["values"]);
        let confidence = case["confidence"].as_f64().unwrap();
        let draws: Vec<Vec<usize>> = case["indices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|draw| numbers(draw).into_iter().map(|index| index as usize).collect())
            .collect();
        let replayed = bootstrap::Bootstrap::of(&values, draws, figure);
        for (ours, theirs) in replayed.drawn().iter().zip(case["expected"]["estimates"].as_array().unwrap()) {
            rows.within(&case, "estimates", Some(*ours), theirs, 1e-9, 1e-12);
        }
        rows.near(&case, "se", replayed.standard_error());
        rows.near(&case, "z0", replayed.bias());
        rows.near(&case, "acceleration", Some(replayed.acceleration()));
        rows.bounds(&case, "percentile", replayed.percentile(confidence), case["expected"].get("percentile"));
        rows.bounds(&case, "basic", replayed.basic(confidence), case["expected"].get("basic"));
        rows.bounds(&case, "bca", replayed.bca(confidence), case["expected"].get("bca"));
        let own = bootstrap::Bootstrap::of(&values, bootstrap::draws(values.len(), 200_000, 1), figure);
        for (name, ours) in [("percentile", own.percentile(confidence)), ("bca", own.bca(confidence))] {
            let theirs = &case["expected"]["long_run_20000"][name];
            let width = theirs[1].as_f64().unwrap() - theirs[0].as_f64().unwrap();
            rows.within(&case, name, ours.map(|bounds| bounds.low), &theirs[0], 0.0, 0.05 * width);
            rows.within(&case, name, ours.map(|bounds| bounds.high), &theirs[1], 0.0, 0.05 * width);
        }
    }
    rows.agreement.check(1.0);
}

#[test]
fn clustered_errors_agree() {
    let mut rows = Rows::new("clustered");
    for case in kind("clustered") {
        let values = numbers(&case["values"]);
        let clusters: Vec<u64> = case["clusters"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
        let ours = clustered::clustered(&values, &clusters).unwrap();
        rows.agreement.near(case["id"].as_str().unwrap(), ours.mean, case["expected"]["mean"].as_f64().unwrap(), 1e-12);
        rows.near(&case, "se_naive", mean::standard_error(&values));
        rows.near(&case, "se_cluster", Some(ours.standard_error));
        rows.near(&case, "se_cluster_corrected", ours.corrected);
        rows.agreement.row(
            case["id"].as_str().unwrap(),
            &ours.clusters,
            &(case["expected"]["n_clusters"].as_u64().unwrap() as usize),
        );
    }
    rows.agreement.check(1.0);
}

#[test]
fn percentiles_agree() {
    use percentile::Method;
    let mut rows = Rows::new("percentiles");
    for case in kind("percentiles") {
        let values = numbers(&case["values"]);
        let percents = numbers(&case["q"]);
        for (name, method) in [
            ("linear", Method::Linear),
            ("lower", Method::Lower),
            ("higher", Method::Higher),
            ("nearest", Method::Nearest),
            ("midpoint", Method::Midpoint),
            ("inverted_cdf", Method::InvertedCdf),
            ("averaged_inverted_cdf", Method::AveragedInvertedCdf),
            ("closest_observation", Method::ClosestObservation),
            ("interpolated_inverted_cdf", Method::InterpolatedInvertedCdf),
            ("hazen", Method::Hazen),
            ("weibull", Method::Weibull),
            ("median_unbiased", Method::MedianUnbiased),
            ("normal_unbiased", Method::NormalUnbiased),
        ] {
            for (index, percent) in percents.iter().enumerate() {
                let ours = percentile::percentile(&values, *percent, method);
                rows.within(&case, name, ours, &case["expected"][name][index], 1e-9, 1e-12);
            }
        }
        for (percent, theirs) in case["expected"]["evalscope_nearest_rank_rounded4"].as_object().unwrap() {
            let ours = percentile::percentile(&values, percent.parse().unwrap(), Method::InvertedCdf);
            rows.within(&case, "nearest rank", ours, theirs, 0.0, 0.500_1e-4);
        }
    }
    rows.agreement.check(1.0);
}

#[test]
fn multiple_tests_agree() {
    use multiple::Method;
    let mut rows = Rows::new("multiple_testing");
    for case in kind("multiple_testing") {
        let p = numbers(&case["p"]);
        for (name, method) in [
            ("bonferroni", Method::Bonferroni),
            ("sidak", Method::Sidak),
            ("holm", Method::Holm),
            ("holm-sidak", Method::HolmSidak),
            ("simes-hochberg", Method::Hochberg),
            ("hommel", Method::Hommel),
            ("fdr_bh", Method::BenjaminiHochberg),
            ("fdr_by", Method::BenjaminiYekutieli),
        ] {
            for (index, ours) in multiple::adjusted(&p, method).into_iter().enumerate() {
                rows.within(&case, name, Some(ours), &case["expected"][name][index], 1e-9, 1e-12);
            }
        }
    }
    rows.agreement.check(1.0);
}

#[test]
fn kappas_agree() {
    use kappa::Weights;
    let mut rows = Rows::new("agreement");
    for case in kind("agreement") {
        let ratings: Vec<Vec<usize>> = case["ratings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| numbers(item).into_iter().map(|rating| rating as usize).collect())
            .collect();
        let pairs: Vec<(usize, usize)> = ratings.iter().map(|item| (item[0], item[1])).collect();
        rows.near(&case, "percent_agreement_first_two", kappa::agreement(&pairs));
        rows.near(&case, "cohen_kappa", kappa::cohen(&pairs, Weights::Equal));
        rows.near(&case, "cohen_kappa_linear", kappa::cohen(&pairs, Weights::Linear));
        rows.near(&case, "cohen_kappa_quadratic", kappa::cohen(&pairs, Weights::Quadratic));
        rows.near(&case, "fleiss_kappa", kappa::fleiss(&ratings));
    }
    rows.agreement.check(1.0);
}

#[test]
fn functions_agree() {
    use distribution as d;
    let mut rows = Rows::new("special");
    for case in kind("special") {
        let a = numbers(&case["args"]);
        let whole = |index: usize| a[index] as u64;
        let ours = match case["function"].as_str().unwrap() {
            "binom_cdf" => d::binomial_cdf(whole(0), whole(1), a[2]),
            "binom_sf" => d::binomial_sf(whole(0), whole(1), a[2]),
            "poisson_cdf" => d::poisson_cdf(whole(0), a[1]),
            "gammaln" => special::ln_gamma(a[0]),
            "t_sf" => d::student_sf(a[0], a[1]),
            "t_ppf" => d::student_quantile(a[0], a[1]),
            "betainc" => special::beta(a[0], a[1], a[2], 1.0 - a[2]).0,
            "beta_ppf" => d::beta_quantile(a[0], a[1], a[2]),
            "norm_cdf" => d::normal_cdf(a[0]),
            "norm_ppf" => d::normal_quantile(a[0]),
            "chi2_sf" => d::chi_square_sf(a[0], a[1]),
            "f_sf" => d::f_sf(a[0], a[1], a[2]),
            "erf" => special::erf(a[0]),
            "erfc" => special::erfc(a[0]),
            other => panic!("{other}"),
        };
        let theirs = &case["expected"]["value"];
        let relative = if theirs.as_f64().unwrap().abs() < 1e-9 { 1e-6 } else { 1e-10 };
        rows.within(&case, case["function"].as_str().unwrap(), Some(ours), theirs, relative, 1e-300);
    }
    rows.agreement.check(1.0);
}
