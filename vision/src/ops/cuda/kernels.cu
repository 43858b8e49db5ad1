// Kernels for pictures whose channels lie next to each other: (picture, row, column, channel).
//
// Each thread computes one value, or four channels side by side. Neighbours in a block are neighbours among the channels, so that
// what they read lies side by side, too. No thread waits for another and nothing is shared between them: the order of threads does
// not matter, and the tests run the same source on a CPU, thread by thread. The structs are those of kernels.rs.

typedef unsigned int u32;
typedef unsigned short bf16; // its bits

__device__ inline u32 thread() { return blockIdx.x * blockDim.x + threadIdx.x; }

// Rounded to the nearest, ties to even, as the processor's own conversion does.
__device__ inline bf16 halved(float x) {
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu; // not a number
    return (bf16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Values side by side that are read and written at once.
template <int WIDTH> struct alignas(4 * WIDTH) Values { float at[WIDTH]; };
template <int WIDTH> struct alignas(2 * WIDTH) Halves { bf16 at[WIDTH]; };
typedef Values<4> Four;

// Writes values as they are, as halves, or both.
template <int WIDTH>
__device__ inline void store(const Values<WIDTH> &values, float *out, bf16 *half, size_t vector) {
    if (out) ((Values<WIDTH> *)out)[vector] = values;
    if (half) {
        Halves<WIDTH> rounded;
        for (int i = 0; i < WIDTH; i++) rounded.at[i] = halved(values.at[i]);
        ((Halves<WIDTH> *)half)[vector] = rounded;
    }
}

// What follows a convolution: a bias and a slope for what is below zero, per channel, and a curve.
struct Function {
    const float *bias, *slope;
    u32 curve, padding;
};

__device__ inline float activate(float x, float slope, u32 curve) {
    x = fmaxf(x, 0.0f) + slope * fminf(x, 0.0f);
    switch (curve) {
        case 1: return 0.5f * x * (1.0f + erff(x * 0.707106781f)); // GELU
        case 2: return x / (1.0f + expf(-x)); // SiLU
        case 3: return 1.0f / (1.0f + expf(-x)); // sigmoid
        default: return x;
    }
}

// Depthwise convolutions -------------------------------------------------------------------------------------------------------

struct Depthwise {
    const float *x;
    const float *taps; // (rows, columns, channels)
    Function function;
    float *out;
    bf16 *half;
    u32 pictures, height, width, channels;
    u32 rows, stride_y;
    u32 height_out, width_out;
};

// TILE results side by side for four channels, so that a pixel that several of them see is read once. With POOL they are those of
// two rows, and the maximum of each 2x2 is kept.
template <int COLUMNS, int STRIDE, int TILE, bool POOL>
__device__ inline void depthwise(const Depthwise &p) {
    const u32 columns_out = POOL ? TILE / 2 : TILE;
    const int SPAN = (TILE - 1) * STRIDE + COLUMNS;
    u32 vectors = p.channels / 4, tiles = (p.width_out + columns_out - 1) / columns_out;
    u32 at = thread();
    if (at >= p.pictures * p.height_out * tiles * vectors) return;
    u32 vector = at % vectors, tile = at / vectors % tiles;
    u32 row = at / vectors / tiles % p.height_out, picture = at / vectors / tiles / p.height_out;

    const Four *x = (const Four *)p.x + (size_t)picture * p.height * p.width * vectors + vector;
    const Four *taps = (const Four *)p.taps + vector;
    Four bias = ((const Four *)p.function.bias)[vector], slope = ((const Four *)p.function.slope)[vector];
    int left = (int)(tile * TILE * STRIDE) - COLUMNS / 2;

    Four results[TILE];
    for (int line = 0; line < (POOL ? 2 : 1); line++) {
        int top = (int)(POOL ? 2 * row + line : row * p.stride_y) - (int)(p.rows / 2);
        Four sums[TILE];
#pragma unroll
        for (int t = 0; t < TILE; t++) sums[t] = bias;
        for (int y = 0; y < (int)p.rows; y++) {
            if (top + y < 0 || top + y >= (int)p.height) continue;
            const Four *from = x + (size_t)(top + y) * p.width * vectors;
            // All that a row takes is read before any of it is used, without branches in between: so one wait is for all of it.
            Four weights[COLUMNS], values[SPAN];
#pragma unroll
            for (int k = 0; k < COLUMNS; k++) weights[k] = taps[(size_t)(y * COLUMNS + k) * vectors];
#pragma unroll
            for (int k = 0; k < SPAN; k++) {
                bool inside = left + k >= 0 && left + k < (int)p.width;
                values[k] = inside ? from[(size_t)(left + k) * vectors] : Four{};
            }
#pragma unroll
            for (int t = 0; t < TILE; t++) {
#pragma unroll
                for (int k = 0; k < COLUMNS; k++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) sums[t].at[i] += values[t * STRIDE + k].at[i] * weights[k].at[i];
                }
            }
        }
#pragma unroll
        for (int t = 0; t < TILE; t++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float y = activate(sums[t].at[i], slope.at[i], p.function.curve);
                results[t].at[i] = line == 0 ? y : fmaxf(results[t].at[i], y);
            }
        }
    }
    size_t first = ((size_t)picture * p.height_out + row) * p.width_out;
#pragma unroll
    for (int t = 0; t < (int)columns_out; t++) {
        u32 column = tile * columns_out + t;
        if (column >= p.width_out) continue;
        Four result = results[POOL ? 2 * t : t];
        if (POOL) {
#pragma unroll
            for (int i = 0; i < 4; i++) result.at[i] = fmaxf(result.at[i], results[2 * t + 1 < TILE ? 2 * t + 1 : t].at[i]);
        }
        store<4>(result, p.out, p.half, (first + column) * vectors + vector);
    }
}

extern "C" __global__ void depthwise_3(Depthwise p) { depthwise<3, 1, 2, false>(p); }
extern "C" __global__ void depthwise_3_stride_2(Depthwise p) { depthwise<3, 2, 2, false>(p); }
extern "C" __global__ void depthwise_3_pooled(Depthwise p) { depthwise<3, 1, 2, true>(p); }
extern "C" __global__ void depthwise_7(Depthwise p) { depthwise<7, 1, 4, false>(p); }

// What comes before and after a matrix product ---------------------------------------------------------------------------------

struct Patches {
    const float *x;
    float *out; // (pixels, row)
    u32 pictures, height, width, channels;
    u32 rows, columns, stride_y, stride_x;
    u32 height_out, width_out;
    u32 row; // values from one patch to the next, zeros at its end
    u32 padding;
};

// Lays what is under the kernel side by side, for each pixel of the result.
extern "C" __global__ void patches(Patches p) {
    u32 at = thread();
    if (at >= p.pictures * p.height_out * p.width_out * p.row) return;
    u32 value = at % p.row, pixel = at / p.row;
    u32 channel = value % p.channels, tap = value / p.channels;
    u32 column = pixel % p.width_out, row = pixel / p.width_out % p.height_out;
    u32 picture = pixel / p.width_out / p.height_out;
    int y = (int)(row * p.stride_y + tap / p.columns) - (int)((p.rows - 1) / 2);
    int x = (int)(column * p.stride_x + tap % p.columns) - (int)((p.columns - 1) / 2);
    bool inside = tap < p.rows * p.columns && y >= 0 && y < (int)p.height && x >= 0 && x < (int)p.width;
    p.out[at] = inside ? p.x[(((size_t)picture * p.height + y) * p.width + x) * p.channels + channel] : 0.0f;
}

struct Scale {
    const float *x;
    const float *factors; // (pictures, channels), or none
    float *out;
    bf16 *half;
    u32 pictures, pixels, channels, padding;
};

// Each channel of each picture times its factor.
template <int WIDTH> __device__ inline void scale(const Scale &p) {
    u32 at = thread(), vectors = p.channels / WIDTH;
    if (at >= p.pictures * p.pixels * vectors) return;
    Values<WIDTH> x = ((const Values<WIDTH> *)p.x)[at];
    if (p.factors) {
        u32 picture = at / vectors / p.pixels;
        Values<WIDTH> factors = ((const Values<WIDTH> *)p.factors)[picture * vectors + at % vectors];
#pragma unroll
        for (int i = 0; i < WIDTH; i++) x.at[i] *= factors.at[i];
    }
    store<WIDTH>(x, p.out, p.half, at);
}

extern "C" __global__ void scale_1(Scale p) { scale<1>(p); }
extern "C" __global__ void scale_4(Scale p) { scale<4>(p); }

struct Finish {
    const float *product; // (pixels, columns)
    const float *base, *residual; // the same, or none
    Function function;
    float *out; // may be the product
    bf16 *half;
    u32 pixels, columns;
};

// The function of a product with what is added before it (base) and after it (residual).
template <int WIDTH> __device__ inline void finish(const Finish &p) {
    u32 at = thread(), vectors = p.columns / WIDTH;
    if (at >= p.pixels * vectors) return;
    Values<WIDTH> x = ((const Values<WIDTH> *)p.product)[at];
    Values<WIDTH> bias = ((const Values<WIDTH> *)p.function.bias)[at % vectors];
    Values<WIDTH> slope = ((const Values<WIDTH> *)p.function.slope)[at % vectors];
#pragma unroll
    for (int i = 0; i < WIDTH; i++) x.at[i] += bias.at[i];
    if (p.base) {
        Values<WIDTH> base = ((const Values<WIDTH> *)p.base)[at];
#pragma unroll
        for (int i = 0; i < WIDTH; i++) x.at[i] += base.at[i];
    }
#pragma unroll
    for (int i = 0; i < WIDTH; i++) x.at[i] = activate(x.at[i], slope.at[i], p.function.curve);
    if (p.residual) {
        Values<WIDTH> residual = ((const Values<WIDTH> *)p.residual)[at];
#pragma unroll
        for (int i = 0; i < WIDTH; i++) x.at[i] += residual.at[i];
    }
    store<WIDTH>(x, p.out, p.half, at);
}

extern "C" __global__ void finish_1(Finish p) { finish<1>(p); }
extern "C" __global__ void finish_4(Finish p) { finish<4>(p); }

// Whole pictures ---------------------------------------------------------------------------------------------------------------

struct Sums {
    const float *x; // (pictures, pixels, channels)
    float *out; // (pictures, parts, channels)
    u32 pictures, pixels, channels, parts;
    u32 part; // pixels of a part; the last one has what is left
    float factor;
};

// The sum of each channel over the pixels of a part, times a factor.
extern "C" __global__ void sums(Sums p) {
    u32 at = thread();
    if (at >= p.pictures * p.parts * p.channels) return;
    u32 channel = at % p.channels, part = at / p.channels % p.parts, picture = at / p.channels / p.parts;
    u32 first = part * p.part, count = min(p.part, p.pixels - first);
    const float *x = p.x + ((size_t)picture * p.pixels + first) * p.channels + channel;
    float sum = 0.0f;
    for (u32 i = 0; i < count; i++) sum += x[(size_t)i * p.channels];
    p.out[at] = sum * p.factor;
}

struct ScaleAndAdd {
    float *x;
    const float *factors; // (pictures, channels), or none
    const float *half; // (pictures, height / 2, width / 2, channels), or none
    u32 pictures, height, width, channels;
};

// Writes x * factors + half, each of whose pixels counts for four, into x.
extern "C" __global__ void scale_and_add(ScaleAndAdd p) {
    u32 at = thread();
    if (at >= p.pictures * p.height * p.width * p.channels) return;
    u32 channel = at % p.channels, column = at / p.channels % p.width;
    u32 row = at / p.channels / p.width % p.height, picture = at / p.channels / p.width / p.height;
    float x = p.x[at];
    if (p.factors) x *= p.factors[picture * p.channels + channel];
    if (p.half) {
        size_t pixel = ((size_t)picture * (p.height / 2) + row / 2) * (p.width / 2) + column / 2;
        x += p.half[pixel * p.channels + channel];
    }
    p.x[at] = x;
}

struct Taps {
    const float *part; // (pictures, height / factor, width / factor, 9 * channels)
    float *out; // (pictures, height, width, channels)
    u32 pictures, height, width, channels;
    u32 factor;
    u32 add; // to what is there
};

// The sum of what each pixel sees of the products of its neighbours, enlarged, with the taps of a 3x3 kernel.
extern "C" __global__ void taps(Taps p) {
    u32 at = thread();
    if (at >= p.pictures * p.height * p.width * p.channels) return;
    u32 channel = at % p.channels, column = at / p.channels % p.width;
    u32 row = at / p.channels / p.width % p.height, picture = at / p.channels / p.width / p.height;
    u32 height = p.height / p.factor, width = p.width / p.factor;
    float sum = p.add ? p.out[at] : 0.0f;
    for (u32 tap = 0; tap < 9; tap++) {
        int y = (int)(row + tap / 3) - 1, x = (int)(column + tap % 3) - 1;
        if (y < 0 || y >= (int)p.height || x < 0 || x >= (int)p.width) continue;
        size_t pixel = ((size_t)picture * height + y / p.factor) * width + x / p.factor;
        sum += p.part[(pixel * 9 + tap) * p.channels + channel];
    }
    p.out[at] = sum;
}

struct MaxPool {
    const float *x;
    float *out;
    u32 pictures, height, width, channels;
    u32 height_out, width_out, stride, padding;
};

// The maximum of each 2x2 pixels, as far as there are any.
extern "C" __global__ void max_pool(MaxPool p) {
    u32 at = thread();
    if (at >= p.pictures * p.height_out * p.width_out * p.channels) return;
    u32 channel = at % p.channels, column = at / p.channels % p.width_out * p.stride;
    u32 row = at / p.channels / p.width_out % p.height_out * p.stride;
    u32 picture = at / p.channels / p.width_out / p.height_out;
    u32 right = min(column + 1, p.width - 1), below = min(row + 1, p.height - 1);
    const float *x = p.x + (size_t)picture * p.height * p.width * p.channels + channel;
    float upper = fmaxf(x[(size_t)(row * p.width + column) * p.channels], x[(size_t)(row * p.width + right) * p.channels]);
    float lower = fmaxf(x[(size_t)(below * p.width + column) * p.channels], x[(size_t)(below * p.width + right) * p.channels]);
    p.out[at] = fmaxf(upper, lower);
}
