//! Replies that go on and on: every judge must come to an end.

use super::*;
use crate::eval::choice;

const TIMES: usize = 500;

#[test]
fn long_replies_end() {
    let parts = [
        "ANSWER: A or ",
        "A or B and ",
        "the answer is ",
        "12.5e3, 1,000 ",
        "((((<<[[",
        "one hundred and one ",
        "$ \\boxed{",
        ". A. B. ",
        "是对错。",
        "**x** ",
        "   ",
        "a",
        "'s n't ",
        "{\"answer\": ",
        "1/2 11:15:16 ",
    ];
    for part in parts {
        let reply = part.repeat(TIMES);
        let labels = choice::Labels::of(30);
        let options = vec!["a".to_owned(), "b".to_owned()];
        for right in [choice::Right::One, choice::Right::Several] {
            let _ = choice::letters(&reply, labels, choice::LettersRule { right, ..choice::LettersRule::default() });
        }
        let _ = (choice::bbh_answer(&reply, choice::BbhForm::Free), choice::answer_line(&reply));
        let _ = (choice::super_gpqa_letter(&reply, &options, choice::Shots::Some), choice::mmau_letter(&reply));
        let _ = (choice::open_answers(&reply).len(), choice::cmmmu_blank_matches(&reply, "3"));
        let _ = (choice::cmmmu_judgement(&reply), choice::phyx_letter(&reply));
        let gold = "one or two, and B";
        let _ = (rouge::rouge_chinese(&reply, gold), rouge::rouge_l_sum(&reply, gold, rouge::Stemming::Porter));
        let _ = (bleu::bleu(&reply, gold), sacre::sentence_ter(&reply, &[gold]));
        let _ = (anls::anls(&reply, &options, anls::AnlsRule::default()), sequence::text_ratio(&reply, gold));
        let _ = (speech::english_form(&reply), speech::jiwer(&reply, gold));
        let (spans, scale) = tat_qa::taken(&reply);
        let _ = tat_qa::score(&tat_qa::Gold::default(), &spans, &scale);
        let _ = table_bench::score(&reply, gold, table_bench::Measure::Rouge);
        let _ = (vqa::vqa_form(&reply), slake::slake_form(&reply), measure::measure_answer(&reply));
        let _ = drop::drop_scores(&drop::drop_answer(&reply), &[options]);
    }
}
