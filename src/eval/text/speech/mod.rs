//! Error rates of transcripts, and the forms that transcripts are brought into before they are compared.

mod english;
mod forms;
mod number_words;
mod rates;
mod spelling;

pub use english::english_form;
pub use forms::{SpeechLanguage, basic_form, chinese_form, transcript_form};
pub use rates::{
    CharacterUnits, Measures, character_error_rate, jiwer, mixed_error_rate, phone_error_rate, word_error_rate,
    word_errors,
};
