//! What a layer is made of, and the expression by candle's operators that it is tested against.

use candle_core::{Device, Result, Tensor, bail};

use super::layer::Convolution;

/// Convolutions of which each fits the one before it.
pub(super) struct Plain {
    filter: Option<Convolution>,
    mixes: Vec<Convolution>,
    pool: bool,
    residual: bool,
}

impl Plain {
    /// A convolution of any kind, then up to two 1×1 convolutions of stride 1: see [`Layer`](super::Layer).
    ///
    /// # Errors
    /// When they do not fit each other or what is asked of them.
    pub(super) fn new(convolutions: Vec<Convolution>, pool: bool, residual: bool) -> Result<Self> {
        let mut convolutions = convolutions.into_iter().peekable();
        let plain = Self {
            filter: convolutions.next_if(|first| first.depthwise),
            mixes: convolutions.collect(),
            pool,
            residual,
        };
        plain.check()?;
        Ok(plain)
    }

    fn check(&self) -> Result<()> {
        let Some(first) = self.filter.as_ref().or(self.mixes.first()) else {
            bail!("a layer has at least one convolution");
        };
        if self.mixes.len() > 2 {
            bail!("a layer has at most two 1×1 convolutions");
        }
        let mut given = None;
        for convolution in self.filter.iter().chain(&self.mixes) {
            let (columns, inner, ..) = convolution.kernel.dims4()?;
            convolution.check(first.kernel.device())?;
            if let Some(given) = given
                && (!convolution.is_pointwise() || inner != given)
            {
                bail!(
                    "a convolution of {:?} does not follow one of {given} channels",
                    convolution.kernel.shape()
                );
            }
            given = Some(columns);
        }
        if self.pool && !self.filter.as_ref().is_some_and(Convolution::is_pooled_first) {
            bail!("only depthwise convolutions of stride 1 with an activation that never falls are pooled");
        }
        let row = match (&self.filter, self.mixes.first()) {
            (Some(filter), Some(_)) => Some(filter.kernel.dim(0)?),
            (None, Some(mix)) if mix.is_pointwise() => Some(mix.kernel.dim(1)?),
            _ => None,
        };
        if self.residual && row != given {
            bail!("{given:?} channels cannot be added to {row:?}");
        }
        Ok(())
    }

    /// A depthwise convolution that comes first.
    pub(super) fn filter(&self) -> Option<&Convolution> {
        self.filter.as_ref()
    }

    /// The others, at most two. All are 1×1 but the first, where nothing is before it.
    pub(super) fn mixes(&self) -> &[Convolution] {
        &self.mixes
    }

    /// Whether the maximum of each 2×2 pixels is taken after the depthwise convolution.
    pub(super) fn pool(&self) -> bool {
        self.pool
    }

    /// Whether the others add to what they get.
    pub(super) fn residual(&self) -> bool {
        self.residual
    }

    /// Where the weights are.
    pub(super) fn device(&self) -> &Device {
        let first = self.filter.as_ref().or(self.mixes.first());
        first.map_or(&Device::Cpu, |first| first.kernel.device())
    }

    /// The result by candle's operators.
    pub(super) fn forward(&self, x: &Tensor, base: Option<&Tensor>) -> Result<Tensor> {
        let mut x = x.permute((0, 3, 1, 2))?.contiguous()?;
        if let Some(filter) = &self.filter {
            x = filter.plain(&x, None)?;
        }
        if self.pool {
            x = x.max_pool2d(2)?;
        }
        let mut base = base.map(|base| base.permute((0, 3, 1, 2))).transpose()?;
        let mut y = x.clone();
        for mix in &self.mixes {
            y = mix.plain(&y, base.take().as_ref())?;
        }
        if self.residual {
            y = (y + x)?;
        }
        y.permute((0, 2, 3, 1))?.contiguous()
    }
}

impl Convolution {
    /// Whether it is one of 1×1 pixels and stride 1.
    pub(super) fn is_pointwise(&self) -> bool {
        let size = self.kernel.dims().get(2..);
        !self.depthwise && self.stride == (1, 1) && size == Some(&[1, 1])
    }

    /// Whether the activation of the maximum of pixels is the maximum of their activations.
    fn is_pooled_first(&self) -> bool {
        self.stride == (1, 1) && self.activation.never_falls()
    }

    fn check(&self, device: &Device) -> Result<()> {
        let (columns, channels, height, width) = self.kernel.dims4()?;
        if self.depthwise && channels != 1 {
            bail!("a depthwise kernel has one channel in, got {:?}", self.kernel.shape());
        }
        if height * width * self.stride.0 * self.stride.1 == 0 {
            bail!("a kernel and its stride are not empty, got {:?}", self.kernel.shape());
        }
        let slopes = self.activation.slopes(columns)?.len();
        if self.bias.elem_count() != columns || slopes != columns {
            bail!("{columns} channels must be those of biases and slopes");
        }
        if !self.kernel.device().same_device(device) || !self.bias.device().same_device(device) {
            bail!("the weights of a layer are on one device");
        }
        Ok(())
    }

    /// By candle's operators, with channels first. `base` is added before the activation.
    fn plain(&self, x: &Tensor, base: Option<&Tensor>) -> Result<Tensor> {
        let (_, _, height, width) = self.kernel.dims4()?;
        let x = x
            .pad_with_zeros(2, (height - 1) / 2, height / 2)?
            .pad_with_zeros(3, (width - 1) / 2, width / 2)?;
        let groups = if self.depthwise { x.dim(1)? } else { 1 };
        // candle's strides are the same in both directions.
        let stride = self.stride.0.min(self.stride.1);
        let mut y = x.conv2d(&self.kernel, 0, stride, 1, groups)?;
        for (dim, step) in [(2, self.stride.0 / stride), (3, self.stride.1 / stride)] {
            if step > 1 {
                let kept: Vec<u32> = (0..y.dim(dim)? as u32).step_by(step).collect();
                y = y.index_select(&Tensor::new(kept, y.device())?, dim)?;
            }
        }
        y = y.broadcast_add(&self.bias.reshape((1, (), 1, 1))?)?;
        if let Some(base) = base {
            y = (y + base)?;
        }
        self.activation.plain(&y)
    }
}
