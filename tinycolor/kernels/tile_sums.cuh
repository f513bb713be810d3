// What a convolution notes of its answers, for the batch normalisation behind it: of one filter, in one tile.

struct __align__(16) TileSums {
    float count;          // of the answers
    float middle;         // their mean, as far as a float can say it
    float first, second;  // the sums of their distances from it, and of the squares of those
};
