// How a thread finds its work: threads are numbered through, and so are the numbers of a picture.

// 64 bits, because a batch can hold more than 2^31 numbers.
__device__ __forceinline__ long long thread_number()
{
    return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}

struct Place {
    int image, row, column, channel;
};

// Where number i of a batch (images, height, width, channels) stands: the last axis runs fastest.
__device__ __forceinline__ Place place_of(long long i, int height, int width, int channels)
{
    Place place;
    place.channel = i % channels;
    i /= channels;
    place.column = i % width;
    i /= width;
    place.row = i % height;
    place.image = i / height;
    return place;
}

// Dividing is the slowest thing that a thread does to whole numbers. But who goes through places by equal steps need
// take apart only the first place, and the step, and then counts on: as with the hands of a clock, each moves by its
// part of the step, and by one more if the one below it has been all round. There is no end to the images.
__device__ __forceinline__ Place onward(Place place, Place step, int height, int width, int channels)
{
    place.channel += step.channel;
    const bool next_column = place.channel >= channels;
    place.channel -= next_column ? channels : 0;
    place.column += step.column + next_column;
    const bool next_row = place.column >= width;
    place.column -= next_row ? width : 0;
    place.row += step.row + next_row;
    const bool next_image = place.row >= height;
    place.row -= next_image ? height : 0;
    place.image += step.image + next_image;
    return place;
}

// My place in a launch over rows (loader.launch_rows): threads along x count the numbers of one row, blocks along y and
// z the rows of all images. Two divisions of 32 bits are cheaper than the three of 64 in place_of. There may be more
// threads than numbers: the column or the image of the others lies beyond the last.
__device__ __forceinline__ Place my_place(int height, int channels)
{
    const unsigned row = blockIdx.z * gridDim.y + blockIdx.y;
    const unsigned number = blockIdx.x * blockDim.x + threadIdx.x;
    Place place;
    place.image = row / height;
    place.row = row % height;
    place.column = number / channels;
    place.channel = number % channels;
    return place;
}

// The other way round.
__device__ __forceinline__ long long number_at(Place place, int height, int width, int channels)
{
    return (((long long)place.image * height + place.row) * width + place.column) * channels + place.channel;
}

__device__ __forceinline__ bool inside(int row, int column, int height, int width)
{
    // Read as numbers without a sign, those below 0 are very large.
    return (unsigned)row < (unsigned)height && (unsigned)column < (unsigned)width;
}
