//! A layer as steps on a GPU: rows are gathered, and multiplied up to two times.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::arguments::Product;
use super::kernels::{Depthwise, Filter, Finish, Function, Patches, Scale};
use super::machine::{address, fresh, multiply, ready};
use crate::ops::activation::{Activation, Smooth};
use crate::ops::convolution::{Convolution, Precision};
use crate::ops::plain::Plain;

/// Halves that lie on a boundary that all of cuBLAS's fast products ask for.
const HALVES: usize = 8;

/// Values of a patch come in multiples of this, for the same reason.
const PATCH: usize = 4;

/// The steps of a [`Layer`](crate::ops::layer::Layer).
pub(in crate::ops) struct Program {
    gather: Gather,
    /// Channels of the picture.
    channels: usize,
    pointwise: Vec<Pointwise>,
    /// Whether the rows are added to the result.
    residual: bool,
    device: Device,
}

/// Where the rows of a matrix product come from.
enum Gather {
    /// The pixels themselves.
    Pixels,
    /// The pixels under a kernel, side by side.
    Patches {
        size: (usize, usize),
        stride: (usize, usize),
        /// Values from one patch to the next.
        row: usize,
    },
    /// The result of a depthwise convolution.
    Depthwise {
        filter: Filter,
        /// (rows, columns, channels)
        taps: Weights,
        rows: usize,
        stride: (usize, usize),
        end: End,
    },
}

/// A matrix product and what follows it.
struct Pointwise {
    /// (columns, inner)
    weights: Weights,
    columns: usize,
    inner: usize,
    /// Whether it is one of bfloat16.
    half: bool,
    end: End,
}

/// Numbers on the device, and where they are.
struct Weights {
    address: u64,
    /// Keeps them there.
    _values: Tensor,
}

/// What follows a convolution.
struct End {
    bias: Weights,
    slope: Weights,
    curve: u32,
}

/// Rows of pixels, in either precision or both.
struct Rows {
    single: Option<Tensor>,
    half: Option<Tensor>,
}

impl Weights {
    fn new(values: &Tensor, dtype: DType) -> Result<Self> {
        // A copy, so that it begins on a boundary.
        let values = values.to_dtype(dtype)?.force_contiguous()?;
        Ok(Self {
            address: address(&values, dtype)?,
            _values: values,
        })
    }
}

impl End {
    fn new(convolution: &Convolution, columns: usize) -> Result<Self> {
        let device = convolution.kernel.device();
        let slope = Tensor::from_vec(convolution.activation.slopes(columns)?, columns, device)?;
        Ok(Self {
            bias: Weights::new(&convolution.bias.flatten_all()?, DType::F32)?,
            slope: Weights::new(&slope, DType::F32)?,
            curve: curve(&convolution.activation),
        })
    }

    fn function(&self) -> Function {
        Function {
            bias: self.bias.address,
            slope: self.slope.address,
            curve: self.curve,
            padding: 0,
        }
    }
}

/// The curve's number in the kernels.
fn curve(activation: &Activation) -> u32 {
    match activation.smooth() {
        None => 0,
        Some(Smooth::Gelu) => 1,
        Some(Smooth::Silu) => 2,
        Some(Smooth::Sigmoid) => 3,
    }
}

impl Pointwise {
    /// Of rows of so many values; those of the kernel and zeros after them.
    fn new(convolution: &Convolution, row: usize) -> Result<Self> {
        let (columns, channels, height, width) = convolution.kernel.dims4()?;
        let inner = height * width * channels;
        let kernel = convolution.kernel.permute((0, 2, 3, 1))?.reshape((columns, inner))?;
        let half =
            convolution.precision != Precision::Single && convolution.is_pointwise() && inner.is_multiple_of(HALVES);
        let dtype = if half { DType::BF16 } else { DType::F32 };
        Ok(Self {
            weights: Weights::new(&kernel.pad_with_zeros(1, 0, row - inner)?, dtype)?,
            columns,
            inner: row,
            half,
            end: End::new(convolution, columns)?,
        })
    }
}

impl Program {
    /// Puts the weights of a layer where the kernels want them.
    ///
    /// # Errors
    /// Where a depthwise convolution is none that they can compute.
    pub(in crate::ops) fn new(plain: &Plain) -> Result<Self> {
        let mut pointwise = plain.pointwise().iter();
        let mut first = None;
        let (gather, channels) = match plain.filter() {
            Some(filter) => (depthwise(filter, plain.pool())?, filter.kernel.dim(0)?),
            None => {
                let Some(one) = pointwise.next() else {
                    bail!("a layer has at least one convolution");
                };
                let (_, channels, height, width) = one.kernel.dims4()?;
                let (gather, row) = if one.is_pointwise() {
                    (Gather::Pixels, channels)
                } else {
                    let row = (height * width * channels).next_multiple_of(PATCH);
                    let patches = Gather::Patches {
                        size: (height, width),
                        stride: one.stride,
                        row,
                    };
                    (patches, row)
                };
                first = Some(Pointwise::new(one, row)?);
                (gather, channels)
            }
        };
        let rest = pointwise.map(|one| Pointwise::new(one, one.kernel.dim(1)?));
        let pointwise = first.map(Ok).into_iter().chain(rest).collect::<Result<_>>()?;
        Ok(Self {
            gather,
            channels,
            pointwise,
            residual: plain.residual(),
            device: plain.device().clone(),
        })
    }

    /// (batch, height, width, channels) to the same of the result; factors are (batch, channels), for a layer of pixels only, and
    /// `base`, in the shape of the first product, is added to that.
    pub(in crate::ops) fn forward(
        &self,
        x: &Tensor,
        factors: Option<&Tensor>,
        base: Option<&Tensor>,
    ) -> Result<Tensor> {
        let (pictures, height, width, channels) = x.dims4()?;
        if channels != self.channels {
            bail!("a picture of {} channels is needed, got {channels}", self.channels);
        }
        if let Some(factors) = factors
            && (factors.dims() != [pictures, channels] || !matches!(self.gather, Gather::Pixels))
        {
            bail!("factors of {:?} do not fit {:?}", factors.shape(), x.shape());
        }
        let size = self.size_out((height, width));
        let shape = |columns| (pictures, size.0, size.1, columns);
        let pixels = pictures * size.0 * size.1;
        let columns = self.pointwise.first().map_or(0, |one| one.columns);
        if let Some(base) = base
            && base.elem_count() != pixels * columns
        {
            bail!("{:?} cannot be added to {:?}", base.shape(), shape(columns));
        }
        if pixels == 0 {
            let columns = self.pointwise.last().map_or(channels, |one| one.columns);
            return Tensor::zeros(shape(columns), DType::F32, &self.device);
        }
        let mut rows = self.gather(&ready(x, &self.device)?, factors, size)?;
        let residual = rows.single.clone().filter(|_| self.residual);
        let mut base = base.map(|base| ready(base, &self.device)).transpose()?;
        for (at, one) in self.pointwise.iter().enumerate() {
            let next = self.pointwise.get(at + 1);
            let residual = residual.as_ref().filter(|_| next.is_none());
            rows = self.multiply(one, &rows, pixels, base.take().as_ref(), residual, next)?;
        }
        match rows.single {
            Some(result) => result.reshape(shape(self.pointwise.last().map_or(channels, |one| one.columns))),
            None => bail!("the layer has no result"),
        }
    }

    /// Height and width of the result.
    fn size_out(&self, (height, width): (usize, usize)) -> (usize, usize) {
        match &self.gather {
            Gather::Pixels => (height, width),
            Gather::Depthwise {
                filter: Filter::ThreePooled,
                ..
            } => (height / 2, width / 2),
            Gather::Patches { stride, .. } | Gather::Depthwise { stride, .. } => {
                (height.div_ceil(stride.0), width.div_ceil(stride.1))
            }
        }
    }

    /// The rows for the first product, in its precision, and in `f32` where they are added in the end or are the result.
    fn gather(&self, x: &Tensor, factors: Option<&Tensor>, size: (usize, usize)) -> Result<Rows> {
        let (pictures, height, width, channels) = x.dims4()?;
        let wants_half = self.pointwise.first().is_some_and(|one| one.half);
        let wants_single = !wants_half || self.residual;
        let pixels = pictures * size.0 * size.1;
        let device = &self.device;
        let space = |wanted: bool, dtype, values| {
            wanted
                .then(|| fresh((pixels, values), dtype, device))
                .transpose()
                .map(|space| Space { space, dtype })
        };
        let source = address(x, DType::F32)?;
        Ok(match &self.gather {
            Gather::Pixels if factors.is_none() && !wants_half => Rows {
                single: Some(x.clone()),
                half: None,
            },
            Gather::Pixels => {
                let single = space(wants_single && factors.is_some(), DType::F32, channels)?;
                let half = space(wants_half, DType::BF16, channels)?;
                let factors = factors.map(|factors| ready(factors, device)).transpose()?;
                let scale = Scale {
                    x: source,
                    factors: optional(factors.as_ref())?,
                    out: single.address()?,
                    half: half.address()?,
                    pictures: pictures as u32,
                    pixels: (height * width) as u32,
                    channels: channels as u32,
                    padding: 0,
                };
                // SAFETY: `forward` checked the shapes, and `ready` and `fresh` give addresses on the boundaries.
                unsafe { scale.run(device)? };
                Rows {
                    single: single.space.or_else(|| wants_single.then(|| x.clone())),
                    half: half.space,
                }
            }
            Gather::Patches {
                size: (rows, columns),
                stride,
                row,
            } => {
                let out = fresh((pixels, *row), DType::F32, device)?;
                let patches = Patches {
                    x: source,
                    out: address(&out, DType::F32)?,
                    pictures: pictures as u32,
                    height: height as u32,
                    width: width as u32,
                    channels: channels as u32,
                    rows: *rows as u32,
                    columns: *columns as u32,
                    stride_y: stride.0 as u32,
                    stride_x: stride.1 as u32,
                    height_out: size.0 as u32,
                    width_out: size.1 as u32,
                    row: *row as u32,
                    padding: 0,
                };
                // SAFETY: the sizes are those of `x` and `out`.
                unsafe { patches.run(device)? };
                Rows {
                    single: Some(out),
                    half: None,
                }
            }
            Gather::Depthwise {
                filter,
                taps,
                rows,
                stride,
                end,
            } => {
                let single = space(wants_single, DType::F32, channels)?;
                let half = space(wants_half, DType::BF16, channels)?;
                let depthwise = Depthwise {
                    x: source,
                    taps: taps.address,
                    function: end.function(),
                    out: single.address()?,
                    half: half.address()?,
                    pictures: pictures as u32,
                    height: height as u32,
                    width: width as u32,
                    channels: channels as u32,
                    rows: *rows as u32,
                    stride_y: stride.0 as u32,
                    height_out: size.0 as u32,
                    width_out: size.1 as u32,
                };
                // SAFETY: the sizes are those of the tensors, `depthwise` checked the channels, and `ready`, `fresh` and `Weights`
                // give addresses on the boundaries.
                unsafe { depthwise.run(device, *filter)? };
                Rows {
                    single: single.space,
                    half: half.space,
                }
            }
        })
    }

    /// A product and what follows it, in the precision of the next product.
    fn multiply(
        &self,
        one: &Pointwise,
        rows: &Rows,
        pixels: usize,
        base: Option<&Tensor>,
        residual: Option<&Tensor>,
        next: Option<&Pointwise>,
    ) -> Result<Rows> {
        let (source, dtype) = if one.half {
            (&rows.half, DType::BF16)
        } else {
            (&rows.single, DType::F32)
        };
        let Some(source) = source else {
            bail!("the rows are not there in the product's precision");
        };
        let product = fresh((pixels, one.columns), DType::F32, &self.device)?;
        let out = address(&product, DType::F32)?;
        let multiplied = Product {
            rows: address(source, dtype)?,
            weights: one.weights.address,
            out,
            pixels,
            columns: one.columns,
            inner: one.inner,
            half: one.half,
        };
        // SAFETY: rows of so many values were gathered, and the weights were checked to be as wide.
        unsafe { multiply(&self.device, multiplied)? };
        let half = next
            .filter(|next| next.half)
            .map(|_| fresh((pixels, one.columns), DType::BF16, &self.device))
            .transpose()?;
        let half = Space {
            space: half,
            dtype: DType::BF16,
        };
        let finish = Finish {
            product: out,
            base: optional(base)?,
            residual: optional(residual)?,
            function: one.end.function(),
            out: if half.space.is_some() { 0 } else { out },
            half: half.address()?,
            pixels: pixels as u32,
            columns: one.columns as u32,
        };
        // SAFETY: base and residual were checked to be as large as the product, and all addresses are on the boundaries.
        unsafe { finish.run(&self.device)? };
        Ok(Rows {
            single: half.space.is_none().then_some(product),
            half: half.space,
        })
    }
}

/// A tensor that a kernel writes, or none.
struct Space {
    space: Option<Tensor>,
    dtype: DType,
}

impl Space {
    fn address(&self) -> Result<u64> {
        self.space.as_ref().map_or(Ok(0), |space| address(space, self.dtype))
    }
}

/// Where a tensor begins; null where there is none.
fn optional(tensor: Option<&Tensor>) -> Result<u64> {
    tensor.map_or(Ok(0), |tensor| address(tensor, DType::F32))
}

fn depthwise(first: &Convolution, pool: bool) -> Result<Gather> {
    let (channels, _, height, width) = first.kernel.dims4()?;
    let filter = match (width, first.stride.1, pool) {
        (3, 1, false) => Filter::Three,
        (3, 2, false) => Filter::ThreeStride2,
        (3, 1, true) => Filter::ThreePooled,
        (7, 1, false) => Filter::Seven,
        _ => bail!(
            "no depthwise convolution with kernel {height}×{width}, stride {:?}, pool {pool}",
            first.stride
        ),
    };
    if height % 2 == 0 || !channels.is_multiple_of(4) {
        bail!("a depthwise convolution has an odd number of rows, got {height}, and channels in fours, got {channels}");
    }
    Ok(Gather::Depthwise {
        filter,
        taps: Weights::new(&first.kernel.reshape((channels, height * width))?.t()?, DType::F32)?,
        rows: height,
        stride: first.stride,
        end: End::new(first, channels)?,
    })
}
