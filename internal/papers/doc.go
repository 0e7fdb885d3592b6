// Package papers gives tests the papers and corpora that lie beside the
// project, in a folder named shared, and are no part of it.
//
// It owns the one rule by which they are found, and what a test does without
// them: it is skipped, and says what is missing. Its own tests hold the pages on
// security to the source. It refuses to hold any of the papers; our own corpora
// live in the testdata of their package. For tests only.
//
// It keeps no state; any number of tests may read at once.
//
// Start reading at papers.go.
package papers
