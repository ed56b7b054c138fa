//! Credit for the letters that a reply chooses.

use std::collections::BTreeSet;

/// 1 where two texts are equal but for case and outer blanks, else 0: EvalScope's `accuracy` and `exact_match`.
pub fn accuracy(prediction: &str, reference: &str) -> f64 {
    let plain = |text: &str| text.trim().to_lowercase();
    f64::from(plain(prediction) == plain(reference))
}

/// EvalScope's `multi_choice_acc`: 0 where a letter is wrong or none is given, else the share of the right letters.
pub fn multi_choice_accuracy(prediction: &str, reference: &str) -> f64 {
    let letters = |text: &str| -> BTreeSet<char> { text.trim().to_uppercase().chars().collect() };
    let (chosen, right) = (letters(prediction), letters(reference));
    if right.is_empty() || !chosen.is_subset(&right) {
        return 0.0;
    }
    chosen.len() as f64 / right.len() as f64
}

/// 1 where both name the same letters in whatever order, else 0.
pub fn letter_set_accuracy(prediction: &str, reference: &str) -> f64 {
    let letters =
        |text: &str| -> BTreeSet<char> { text.to_uppercase().chars().filter(|c| c.is_alphanumeric()).collect() };
    let chosen = letters(prediction);
    f64::from(!chosen.is_empty() && chosen == letters(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_the_letters_is_part_of_the_credit() {
        assert_eq!(multi_choice_accuracy("AC", "ABC"), 2.0 / 3.0);
        assert_eq!(multi_choice_accuracy("AD", "ABC"), 0.0);
        assert_eq!(multi_choice_accuracy("", "ABC"), 0.0);
        assert_eq!(multi_choice_accuracy("", ""), 0.0);
        assert_eq!(multi_choice_accuracy(" cab ", "ABC"), 1.0);
    }

    #[test]
    fn sets_are_equal_or_not() {
        assert_eq!(letter_set_accuracy("C, A", "AC"), 1.0);
        assert_eq!(letter_set_accuracy("A", "AC"), 0.0);
        assert_eq!(letter_set_accuracy("", ""), 0.0);
    }
}
