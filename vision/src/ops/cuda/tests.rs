use candle_core::{DType, Device, Result, Tensor};
use proptest::prelude::*;

use super::{Program, channel_means, emulated, max_pool_2x2, scale_and_add, sum_taps};
use crate::ops::activation::Activation;
use crate::ops::convolution::{Convolution, Precision};
use crate::ops::elementwise;
use crate::ops::plain::Plain;
use crate::ops::samples::{TOLERANCE, convolution, growing, halved, largest_difference, pointwise, randn};

/// What is allowed where values between two products are rounded to halves.
const HALF_TOLERANCE: f32 = 0.05;

/// Where the kernels can run here: on the CPU in a GPU's place, and on a GPU.
fn devices() -> Vec<Device> {
    let mut devices = Vec::new();
    if emulated::is_able() {
        devices.push(Device::Cpu);
    }
    devices.extend(gpu());
    devices
}

#[cfg(feature = "cuda")]
fn gpu() -> Option<Device> {
    use std::sync::OnceLock;
    static GPU: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        super::open(0)
            .inspect_err(|why| println!("skipped on GPUs: {why}"))
            .ok()
    };
    GPU.get_or_init(open).clone()
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> Option<Device> {
    None
}

/// The same with products of halves, which its weights are already.
fn with_halves(convolution: Convolution) -> Result<Convolution> {
    Ok(Convolution {
        kernel: halved(&convolution.kernel)?,
        precision: Precision::Half,
        ..convolution
    })
}

fn moved(convolutions: &[Convolution], device: &Device) -> Result<Vec<Convolution>> {
    let moved = |convolution: &Convolution| {
        Ok(Convolution {
            kernel: convolution.kernel.to_device(device)?,
            bias: convolution.bias.to_device(device)?,
            activation: match &convolution.activation {
                Activation::PRelu(slopes) => Activation::PRelu(slopes.to_device(device)?),
                other => other.clone(),
            },
            ..convolution.clone()
        })
    };
    convolutions.iter().map(moved).collect()
}

/// A layer and what it is given.
struct Case<'a> {
    convolutions: Vec<Convolution>,
    pool: bool,
    residual: bool,
    x: &'a Tensor,
    factors: Option<&'a Tensor>,
    base: Option<&'a Tensor>,
}

impl<'a> Case<'a> {
    fn new(convolutions: Vec<Convolution>, x: &'a Tensor) -> Self {
        Self {
            convolutions,
            pool: false,
            residual: false,
            x,
            factors: None,
            base: None,
        }
    }

    /// How far the results are from those of candle's operators at most.
    fn error(&self) -> Result<f32> {
        let scaled = match self.factors {
            Some(factors) => self.x.broadcast_mul(&factors.unsqueeze(1)?.unsqueeze(1)?)?,
            None => self.x.clone(),
        };
        self.error_beside(&self.plain(&Device::Cpu)?.forward(&scaled, self.base)?)
    }

    /// What the layer is made of, on a device.
    fn plain(&self, device: &Device) -> Result<Plain> {
        Plain::new(moved(&self.convolutions, device)?, self.pool, self.residual)
    }

    /// The same for what is expected.
    fn error_beside(&self, expected: &Tensor) -> Result<f32> {
        let mut worst = 0f32;
        for device in devices() {
            let there = |tensor: Option<&Tensor>| tensor.map(|tensor| tensor.to_device(&device)).transpose();
            let program = Program::new(&self.plain(&device)?)?;
            let (factors, base) = (there(self.factors)?, there(self.base)?);
            let got = program.forward(&self.x.to_device(&device)?, factors.as_ref(), base.as_ref())?;
            worst = worst.max(largest_difference(&got, expected)?);
        }
        Ok(worst)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_convolution_and_one_after_it_equal_candles(
        n in 1usize..3, channels in 1usize..20, between in 1usize..70, columns in 1usize..40, h in 1usize..20, w in 1usize..20,
        side in 1usize..4, stride in 1usize..3, activation in 0usize..36,
    ) {
        let x = randn((n, h, w, channels))?;
        let convolutions = vec![
            convolution((between, channels, side, side), false, (stride, stride), activation)?,
            pointwise(between, columns, activation / 6)?,
        ];
        prop_assert!(Case::new(convolutions, &x).error()? < TOLERANCE);
    }

    #[test]
    fn a_depthwise_convolution_and_two_after_it_equal_candles(
        n in 1usize..3, fours in 1usize..9, between in 1usize..70, h in 1usize..20, w in 1usize..20,
        size in prop::sample::select(vec![(3, 3), (7, 7), (1, 7)]), stride in prop::sample::select(vec![(1, 1), (2, 2), (2, 1)]),
        residual in any::<bool>(), activation in 0usize..216,
    ) {
        let channels = 4 * fours;
        let stride = if size.1 == 3 { stride } else { (1, 1) };
        let x = randn((n, h, w, channels))?;
        let filter = || convolution((channels, 1, size.0, size.1), true, stride, activation);
        let convolutions = vec![
            filter()?,
            pointwise(channels, between, activation / 6)?,
            pointwise(between, channels, activation / 36)?,
        ];
        let case = Case { residual, ..Case::new(convolutions, &x) };
        prop_assert!(case.error()? < TOLERANCE);
        prop_assert!(Case::new(vec![filter()?], &x).error()? < TOLERANCE);
    }

    #[test]
    fn a_pooled_depthwise_convolution_equals_candles(
        n in 1usize..3, fours in 1usize..9, h in 2usize..20, w in 2usize..20, activation in 0usize..3, mix in any::<bool>(),
    ) {
        let channels = 4 * fours;
        let x = randn((n, h, w, channels))?;
        let mut convolutions = vec![growing(convolution((channels, 1, 3, 3), true, (1, 1), activation)?)?];
        if mix {
            convolutions.push(pointwise(channels, 30, activation)?);
        }
        let case = Case { pool: true, ..Case::new(convolutions, &x) };
        prop_assert!(case.error()? < TOLERANCE);
    }

    #[test]
    fn factors_count_before_the_residual(
        n in 1usize..3, channels in 1usize..40, h in 1usize..12, w in 1usize..12, residual in any::<bool>(),
    ) {
        let (x, factors) = (randn((n, h, w, channels))?, randn((n, channels))?);
        let convolutions = vec![pointwise(channels, 2 * channels, 3)?, pointwise(2 * channels, channels, 0)?];
        let case = Case { residual, factors: Some(&factors), ..Case::new(convolutions, &x) };
        prop_assert!(case.error()? < TOLERANCE);
    }

    #[test]
    fn halves_are_multiplied_as_candle_rounds_them(
        n in 1usize..3, eights in 1usize..6, columns in 1usize..50, h in 1usize..12, w in 1usize..12, activation in 0usize..6,
    ) {
        let channels = 8 * eights;
        let x = randn((n, h, w, channels))?;
        let one = vec![with_halves(pointwise(channels, columns, activation)?)?];
        let case = Case::new(one, &x);
        let expected = case.plain(&Device::Cpu)?.forward(&halved(&x)?, None)?;
        prop_assert!(case.error_beside(&expected)? < TOLERANCE);
    }

    #[test]
    fn halves_change_little_between_products(
        n in 1usize..3, eights in 1usize..6, h in 1usize..12, w in 1usize..12, depthwise in any::<bool>(), single in any::<bool>(),
        activation in 0usize..36,
    ) {
        let (channels, between) = (8 * eights, if single { 20 } else { 32 });
        let (x, factors) = (randn((n, h, w, channels))?, Tensor::rand(0f32, 1.0, (n, channels), &Device::Cpu)?);
        let mut convolutions = vec![
            with_halves(pointwise(channels, between, activation)?)?,
            with_halves(pointwise(between, channels, activation / 6)?)?,
        ];
        if depthwise {
            convolutions.insert(0, convolution((channels, 1, 3, 3), true, (1, 1), 1)?);
        }
        let factors = (!depthwise).then_some(&factors);
        let case = Case { residual: true, factors, ..Case::new(convolutions, &x) };
        prop_assert!(case.error()? < HALF_TOLERANCE);
    }

    #[test]
    fn pictures_equal_the_plain_expressions(
        n in 1usize..4, h in 1usize..20, w in 1usize..20, c in 1usize..9, stride in 1usize..3,
        with_factors in any::<bool>(), with_half in any::<bool>(),
    ) {
        let (h, w) = (2 * h, 2 * w);
        let x = randn((n, h, w, c))?;
        let (factors, half) = (randn((n, c))?, randn((n, h / 2, w / 2, c))?);
        let (factors, half) = (with_factors.then_some(factors), with_half.then_some(half));
        let taps = [(randn((n, h, w, 9 * c))?, 1), (randn((n, h / 2, w / 2, 9 * c))?, 2)];
        let odd = x.narrow(1, 0, h - 1)?.narrow(2, 0, w - 1)?.contiguous()?;
        let scaled = elementwise::scale_and_add(x.copy()?, factors.as_ref(), half.as_ref())?;
        for device in devices() {
            let there = |tensor: &Tensor| tensor.to_device(&device)?.copy();
            prop_assert!(largest_difference(&channel_means(&there(&x)?)?, &x.mean((1, 2))?)? < 1e-5);

            let pooled = max_pool_2x2(&there(&odd)?, stride)?;
            prop_assert_eq!(largest_difference(&pooled, &elementwise::max_pool_2x2(&odd, stride)?)?, 0.0);

            let (factors, half) = (factors.as_ref().map(there).transpose()?, half.as_ref().map(there).transpose()?);
            let got = scale_and_add(&there(&x)?, factors.as_ref(), half.as_ref())?;
            prop_assert!(largest_difference(&got, &scaled)? < 1e-6);

            let [(a, one), (b, two)] = &taps;
            let got = sum_taps(&[(&there(a)?, *one), (&there(b)?, *two)], (n, h, w, c))?;
            prop_assert!(largest_difference(&got, &elementwise::sum_taps(&[(a, *one), (b, *two)])?)? < 2e-5);
        }
    }
}

#[test]
fn a_base_counts_before_the_activation() -> Result<()> {
    for (columns, last, side) in [
        (5, false, 3),
        (24, true, 3),
        (48, false, 2),
        (70, true, 1),
        (64, false, 1),
    ] {
        let stride = side - side / 2;
        let x = randn((2, 7, 9, 16))?;
        let base = randn((2, 7usize.div_ceil(stride), 9usize.div_ceil(stride), columns))?;
        let mut convolutions = vec![convolution((columns, 16, side, side), false, (stride, stride), 1)?];
        if last {
            convolutions.push(pointwise(columns, 33, 3)?);
        }
        let case = Case {
            base: Some(&base),
            ..Case::new(convolutions, &x)
        };
        assert!(case.error()? < TOLERANCE);
    }
    Ok(())
}

#[test]
fn pictures_that_begin_in_the_middle_are_read_from_there() -> Result<()> {
    let batch = randn((3, 5, 3, 20))?;
    // One value after the boundary.
    let odd = randn(1 + 5 * 3 * 20)?
        .narrow(0, 1, 5 * 3 * 20)?
        .reshape((1, 5, 3, 20))?;
    for x in [batch.narrow(0, 1, 2)?, odd] {
        let convolutions = vec![convolution((20, 1, 3, 3), true, (1, 1), 2)?, pointwise(20, 7, 1)?];
        assert!(Case::new(convolutions, &x).error()? < TOLERANCE);
        assert!(Case::new(vec![pointwise(20, 8, 4)?], &x).error()? < TOLERANCE);
    }
    Ok(())
}

#[test]
fn means_of_large_pictures_are_sums_of_sums() -> Result<()> {
    let x = randn((2, 70, 90, 5))?;
    for device in devices() {
        let got = channel_means(&x.to_device(&device)?)?;
        assert!(largest_difference(&got, &x.mean((1, 2))?)? < 1e-5);
    }
    Ok(())
}

#[test]
fn refuses_what_does_not_fit() -> Result<()> {
    let depthwise = |channels| convolution((channels, 1, 3, 3), true, (1, 1), 0);
    let program = |convolutions: &[Convolution]| Program::new(&Plain::new(convolutions.to_vec(), false, false)?);
    assert!(program(&[depthwise(6)?]).is_err(), "not whole vectors");
    for size in [(5, 5), (2, 3)] {
        let odd = convolution((16, 1, size.0, size.1), true, (1, 1), 0)?;
        assert!(program(&[odd]).is_err(), "no such kernel");
    }

    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    let filter = program(&[depthwise(16)?])?;
    assert!(filter.forward(&zeros(&[1, 5, 5, 32])?, None, None).is_err());
    let factors = zeros(&[1, 16])?;
    assert!(filter.forward(&zeros(&[1, 5, 5, 16])?, Some(&factors), None).is_err());
    let mix = program(&[pointwise(16, 4, 0)?])?;
    assert!(mix.forward(&zeros(&[2, 5, 5, 16])?, Some(&factors), None).is_err());
    assert!(
        mix.forward(&zeros(&[1, 5, 5, 16])?, None, Some(&zeros(&[1, 5, 5, 5])?))
            .is_err()
    );
    assert_eq!(mix.forward(&zeros(&[2, 0, 5, 16])?, None, None)?.dims(), [2, 0, 5, 4]);

    if let Some(gpu) = gpu() {
        let mix = Program::new(&Plain::new(moved(&[pointwise(16, 4, 0)?], &gpu)?, false, false)?)?;
        let (here, there) = (zeros(&[1, 5, 5, 16])?, zeros(&[1, 5, 5, 16])?.to_device(&gpu)?);
        assert!(mix.forward(&here, None, None).is_err(), "a picture on the CPU");
        assert!(mix.forward(&there, Some(&zeros(&[1, 16])?), None).is_err());
        assert!(mix.forward(&there, None, Some(&zeros(&[1, 5, 5, 4])?)).is_err());
    }
    Ok(())
}
