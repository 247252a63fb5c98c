import lib.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_plain_words'),
        ('alerts', '0007_longer_reasons'),
        ('budgets', '0010_longer_reasons'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='alertrule',
            name='one_threshold_rule_per_share',
        ),
        migrations.AddField(
            model_name='alert',
            name='basis',
            field=models.CharField(choices=[('spent', 'Spent'), ('committed', 'Spent and set aside'), ('forecast', "Forecast for the end")], db_default='spent', default='spent', max_length=16),
        ),
        migrations.AddField(
            model_name='alertrule',
            name='basis',
            field=models.CharField(choices=[('spent', 'Spent'), ('committed', 'Spent and set aside'), ('forecast', "Forecast for the end")], db_default='spent', default='spent', max_length=16, verbose_name='what is looked at'),
        ),
        migrations.AddField(
            model_name='alertrule',
            name='probability',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True),
        ),
        migrations.AddField(
            model_name='historicalalertrule',
            name='basis',
            field=models.CharField(choices=[('spent', 'Spent'), ('committed', 'Spent and set aside'), ('forecast', "Forecast for the end")], db_default='spent', default='spent', max_length=16, verbose_name='what is looked at'),
        ),
        migrations.AddField(
            model_name='historicalalertrule',
            name='probability',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True),
        ),
        migrations.AddField(
            model_name='watch',
            name='committed_at_least',
            field=lib.fields.MoneyField(null=True),
        ),
        migrations.AddField(
            model_name='watch',
            name='committed_below',
            field=lib.fields.MoneyField(null=True),
        ),
        migrations.AlterField(
            model_name='alert',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AlterField(
            model_name='alertrule',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AlterField(
            model_name='historicalalertrule',
            name='type',
            field=models.CharField(choices=[('threshold', 'Share of the budget'), ('forecast', 'Projected to pass the budget'), ('velocity', 'Spending faster than planned'), ('anomaly', 'Unusual day'), ('spike', 'Much in little time')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('basis', 'spent'), models.Q(('basis__in', ['spent', 'committed', 'forecast']), ('type', 'threshold')), _connector='OR'), name='alert_basis_is_known_and_of_a_threshold'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(('basis', 'spent'), models.Q(('basis__in', ['spent', 'committed', 'forecast']), ('type', 'threshold')), _connector='OR'), name='alert_rule_basis_is_known_and_of_a_threshold'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basis', 'forecast'), ('probability__gt', 0), ('probability__isnull', False), ('probability__lte', 1)), models.Q(models.Q(('basis', 'forecast'), _negated=True), ('probability', None)), _connector='OR'), name='only_a_forecast_threshold_has_a_probability'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.UniqueConstraint(condition=models.Q(('probability', None), ('type', 'threshold')), fields=('budget', 'basis', 'threshold'), name='one_threshold_rule_per_basis_and_share'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.UniqueConstraint(condition=models.Q(('probability__isnull', False), ('type', 'threshold')), fields=('budget', 'threshold', 'probability'), name='one_forecast_threshold_rule_per_share_and_probability'),
        ),
    ]
