//! The algebra of statistics: inverses undo, tails add up, any sample is taken.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn quantiles_undo_their_functions(p in 1e-9..1.0f64, a in 0.3..300.0f64, b in 0.3..300.0f64) {
        let p = p.min(1.0 - 1e-9);
        let x = distribution::beta_quantile(p, a, b);
        prop_assert!((special::beta(a, b, x, 1.0 - x).0 - p).abs() < 1e-8 * (1.0 + a.max(b)));
        let z = distribution::normal_quantile(p);
        prop_assert!((distribution::normal_cdf(z) - p).abs() <= 1e-13);
        let t = distribution::student_quantile(p, a);
        prop_assert!((distribution::student_sf(t, a) - (1.0 - p)).abs() <= 1e-12);
    }

    #[test]
    fn both_tails_make_one(a in 0.1..500.0f64, x in 0.0..1.0f64, y in 0.0..1000.0f64) {
        let (lower, upper) = special::beta(a, 2.5, x, 1.0 - x);
        prop_assert!((lower + upper - 1.0).abs() < 1e-12 && lower >= 0.0);
        let (lower, upper) = special::gamma(a, y);
        prop_assert!((lower + upper - 1.0).abs() < 1e-12 && lower >= -1e-15);
    }

    #[test]
    fn any_sample_is_taken(x in prop::collection::vec(-1e6..1e6f64, 0..12), y in prop::collection::vec(-2i32..3, 0..12)) {
        let y: Vec<f64> = y.into_iter().map(f64::from).collect();
        let differences = paired::differences(&x, &y);
        let unit = |p: Option<f64>| p.is_none_or(|p| (0.0..=1.0).contains(&p));
        prop_assert!(unit(paired::t_test(&differences).map(|test| test.p)));
        prop_assert!(unit(paired::sign_flips(&differences)) && unit(Some(paired::sign_test(&differences))));
        prop_assert!(unit(ranks::wilcoxon(&y).map(|test| test.p)) && unit(ranks::wilcoxon_exact(&x).map(|test| test.p)));
        prop_assert!(unit(ranks::mann_whitney(&x, &y).map(|test| test.p)));
        prop_assert!(unit(ranks::mann_whitney_exact(&x, &y).map(|test| test.p)));
        prop_assert!(unit(kolmogorov::two_sample(&x, &y).map(|test| test.p)));
        prop_assert!(unit(two_sample::welch(&x, &y, 0.95).map(|welch| welch.test.p)));
        two_sample::hedges_g(&y, &x);
        mean::t_bounds(&x, 0.95);
    }
}
