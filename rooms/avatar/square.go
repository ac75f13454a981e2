package avatar

import "crypto/sha256"

// Measures of the square pattern, for a side of 128 pixels. What the cells leave
// over is the border.
const (
	cell  = 24
	cells = 5 // in a row and in a column
)

// grid is the square pattern by row and column.
type grid [cells][cells]bool

// cellsOf takes the left three columns from the sum and mirrors the other two.
func cellsOf(sum [sha256.Size]byte) grid {
	const own = (cells + 1) / 2
	values := make([]byte, 0, cells*own)
	for row := range cells {
		start := 4 + row*cells
		values = append(values, sum[start:start+own]...)
	}
	filled := fill(values, 5, 6, 7)
	var g grid
	for row := range cells {
		for col := range cells {
			g[row][col] = filled[row*own+min(col, cells-1-col)]
		}
	}
	return g
}

// pattern finds the row or column of each pixel once, not for each pixel of a line.
func (g grid) pattern(side int) func(dx, dy, side int) bool {
	places := make([]int, side)
	for n := range places {
		place, ok := cellAt(2*n+1-side, side)
		if !ok {
			place = -1
		}
		places[n] = place
	}
	return func(dx, dy, side int) bool {
		row, col := places[(dy+side-1)/2], places[(dx+side-1)/2]
		return row >= 0 && col >= 0 && g[row][col]
	}
}

// cellAt says in which row or column a coordinate lies; false for the border. It
// reckons from the middle, so that both halves of a picture are alike at any side.
func cellAt(d, side int) (int, bool) {
	reach := d * scale // half pixels of a picture of the scale's side, times side
	if reach < 0 {
		n, ok := cellAt(-d, side)
		return cells - 1 - n, ok
	}
	// A cell's half lies on each side of the middle.
	n := (reach + cell*side) / (2 * cell * side)
	return cells/2 + n, n <= cells/2
}
