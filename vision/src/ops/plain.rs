//! What a layer is made of, and the expression by candle's operators that it is tested against.

use candle_core::{Device, Result, Tensor, bail};

use super::convolution::Convolution;

/// Convolutions of which each fits the one before it.
pub(super) struct Plain {
    filter: Option<Convolution>,
    pointwise: Vec<Convolution>,
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
            pointwise: convolutions.collect(),
            pool,
            residual,
        };
        plain.check()?;
        Ok(plain)
    }

    fn check(&self) -> Result<()> {
        let Some(first) = self.filter.as_ref().or(self.pointwise.first()) else {
            bail!("a layer has at least one convolution");
        };
        if self.pointwise.len() > 2 {
            bail!("a layer has at most two 1×1 convolutions");
        }
        let mut given = None;
        for convolution in self.filter.iter().chain(&self.pointwise) {
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
        let row = match (&self.filter, self.pointwise.first()) {
            (Some(filter), Some(_)) => Some(filter.kernel.dim(0)?),
            (None, Some(first)) if first.is_pointwise() => Some(first.kernel.dim(1)?),
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
    pub(super) fn pointwise(&self) -> &[Convolution] {
        &self.pointwise
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
        let first = self.filter.as_ref().or(self.pointwise.first());
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
        for convolution in &self.pointwise {
            y = convolution.plain(&y, base.take().as_ref())?;
        }
        if self.residual {
            y = (y + x)?;
        }
        y.permute((0, 2, 3, 1))?.contiguous()
    }
}
