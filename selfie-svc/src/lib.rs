//! Finds, aligns, embeds and compares faces; judges the selfie
